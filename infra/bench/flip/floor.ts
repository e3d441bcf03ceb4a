import { randomUUID } from 'node:crypto';
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise';
import type { DatabaseServer } from '../../lab/databases/index.ts';
import type { Lab } from '../../lab/estate/lab.ts';

/** One measurement of the least that a flip has to wait for (milliseconds). */
export interface FloorSample {
  /** A row changed at every place that serves, until it is seen at every place that will. */
  readonly markerMs: number;
  /** A LOAD of the rules and one of the servers, on one proxy. */
  readonly loadsMs: number;
  /** The process list of one proxy, read once. */
  readonly drainPollMs: number;
  readonly totalMs: number;
}

/** Time between two looks for the marker (milliseconds). */
const lookEveryMs = 1;
const markerWithinMs = 10_000;

/** Bare connections that do by hand, with nothing of the controller's, what no flip can do without. */
export class FloorByHand {
  readonly #sites: ReadonlyMap<string, Connection>;
  readonly #cluster: readonly [name: string, connection: Connection];
  readonly #admin: Connection;

  private constructor(
    sites: ReadonlyMap<string, Connection>,
    cluster: readonly [string, Connection],
    admin: Connection,
  ) {
    this.#sites = sites;
    this.#cluster = cluster;
    this.#admin = admin;
  }

  static async open(lab: Lab): Promise<FloorByHand> {
    const [cluster] = lab.clusters;
    const [proxy] = lab.proxies;
    if (cluster === undefined || proxy === undefined) throw new TypeError('the lab has no cluster or no proxy');
    const sites = new Map<string, Connection>();
    for (const { server } of lab.sites.sites) sites.set(server.name, await connect(server));
    const { host, adminPort: port, adminUser: user, adminPassword: password } = proxy;
    const admin = await createConnection({ host, port, user, password });
    return new FloorByHand(sites, [cluster.server.name, await connect(cluster.server)], admin);
  }

  /** @param direction which way the org's task carries rows now */
  async measure(orgId: number, direction: 'forward' | 'back'): Promise<FloorSample> {
    const from = direction === 'forward' ? this.#sites : new Map([this.#cluster]);
    const to = direction === 'forward' ? [this.#cluster[1]] : [...this.#sites.values()];
    const startedAt = performance.now();
    await this.#admin.query('LOAD MYSQL QUERY RULES TO RUNTIME');
    const loadedAt = performance.now();
    await this.#admin.query('SELECT SessionID, user, command, info, extended_info FROM stats_mysql_processlist');
    const polledAt = performance.now();
    await markThrough(orgId, from, to);
    const markedAt = performance.now();
    await this.#admin.query('LOAD MYSQL SERVERS TO RUNTIME');
    const endedAt = performance.now();
    return {
      markerMs: markedAt - polledAt,
      loadsMs: loadedAt - startedAt + (endedAt - markedAt),
      drainPollMs: polledAt - loadedAt,
      totalMs: endedAt - startedAt,
    };
  }

  close(): void {
    for (const connection of [...this.#sites.values(), this.#cluster[1], this.#admin]) connection.destroy();
  }
}

function connect({ host, port, user, password }: DatabaseServer): Promise<Connection> {
  return createConnection({ host, port, user, password });
}

/** Changes the org's heartbeat at every place of `from`, and waits until all of them show at every place of `to`. */
async function markThrough(
  orgId: number,
  from: ReadonlyMap<string, Connection>,
  to: readonly Connection[],
): Promise<void> {
  const nonce = randomUUID();
  await Promise.all(
    [...from].map(([site, connection]) =>
      connection.query(
        'UPDATE bigdb_cutover.heartbeat SET seq = seq + 1, written_at = UTC_TIMESTAMP(6), nonce = ? WHERE org_id = ? AND site = ?',
        [nonce, orgId, site],
      ),
    ),
  );
  const deadlineMs = performance.now() + markerWithinMs;
  await Promise.all(
    to.map(async (connection) => {
      for (;;) {
        const [rows] = await connection.query<RowDataPacket[]>(
          'SELECT site FROM bigdb_cutover.heartbeat WHERE org_id = ? AND nonce = ?',
          [orgId, nonce],
        );
        if ([...from.keys()].every((site) => rows.some((row) => row.site === site))) return;
        if (performance.now() > deadlineMs) throw new Error(`a marker of org ${orgId} did not arrive in time`);
        await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
      }
    }),
  );
}
