import type { PlaceReader, ServerAddress } from '../../ports/place.ts';
import type { SiteConfig } from './config.ts';
import type { PlaceContext } from './context.ts';
import { readHeartbeats } from './heartbeats.ts';
import { readIdentity } from './identity.ts';
import { SessionPool } from './pool.ts';

/** Connections to one reader: a look for each org that flips at once. */
const CONNECTIONS = 4;

/** Other servers of a place, each with a small pool that is opened when it is first asked. */
export class Readers {
  readonly #context: PlaceContext;
  readonly #account: Pick<SiteConfig, 'user' | 'password' | 'ssl'>;
  readonly #pools = new Map<string, SessionPool>();

  constructor(context: PlaceContext, account: Pick<SiteConfig, 'user' | 'password' | 'ssl'>) {
    this.#context = context;
    this.#account = account;
  }

  reader({ host, port }: ServerAddress): PlaceReader {
    const name = `reader ${host}:${port}`;
    const { machine, tuning } = this.#context;
    const pool =
      this.#pools.get(name) ??
      new SessionPool({
        clock: machine.clock,
        openWire: machine.openWire,
        place: name,
        target: { ...this.#account, host, port },
        isolation: 'READ COMMITTED',
        connectTimeoutMs: tuning.connectTimeoutMs,
        queryTimeoutMs: tuning.statementTimeoutMs,
        limit: CONNECTIONS,
        killer: null,
      });
    this.#pools.set(name, pool);
    return {
      name,
      readHeartbeats: (orgIds, signal) => readHeartbeats({ critical: pool }, orgIds, signal),
      identity: (signal) =>
        pool.use('asking who it is', (session) => readIdentity(session, this.#context.key), { signal }),
    };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.close()));
  }
}
