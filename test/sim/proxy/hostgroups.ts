import type { ServerRow } from '../../../infra/lab/proxysql/backend/server.ts';
import { ConnectionLost } from '../net/link.ts';
import type { SimProcess } from '../time/process.ts';
import type { Random } from '../time/random.ts';
import { type BackendSession, type ConnectBackend, ProxyRefusal } from './backend.ts';

/** A connection in a hostgroup, of one user. */
export interface PooledConnection {
  readonly server: SimServer;
  readonly user: string;
  readonly session: BackendSession;
  /** As the server's last answer said. */
  inTransaction: boolean;
  isRunning: boolean;
}

/** A database server as a member of one hostgroup. */
export interface SimServer {
  row: ServerRow;
  status: 'ONLINE' | 'SHUNNED' | 'OFFLINE_SOFT' | 'OFFLINE_HARD';
  readonly free: PooledConnection[];
  readonly used: Set<PooledConnection>;
  /** Connections being opened: they count against max_connections. */
  opening: number;
}

/** How long a statement waits for a connection (milliseconds of the proxy's monotonic clock). */
export interface Patience {
  readonly sinceMs: number;
  readonly untilMs: number;
}

/** How long the proxy waits before it tries a server again that could not be reached (milliseconds). */
const tryAgainMs = 50;

/** The servers of a proxy's runtime, its connections, and the sessions that wait for one. Rules as in the stand-in. */
export class SimHostgroups {
  readonly #groups = new Map<number, SimServer[]>();
  readonly #waiting = new Map<number, Set<() => void>>();
  readonly #process: SimProcess;
  readonly #random: Random;
  readonly #connect: ConnectBackend;
  #loads = 0;

  constructor(process: SimProcess, random: Random, connect: ConnectBackend) {
    this.#process = process;
    this.#random = random;
    this.#connect = connect;
  }

  /** How often servers were loaded. */
  get loads(): number {
    return this.#loads;
  }

  *servers(): Generator<SimServer> {
    for (const group of this.#groups.values()) yield* group;
  }

  /** Servers of a hostgroup that take statements. */
  online(hostgroup: number): SimServer[] {
    return (this.#groups.get(hostgroup) ?? []).filter(({ status, row }) => status === 'ONLINE' && row.weight > 0);
  }

  /** A server that is not named any more fails what runs on it, and is noticed by who merely holds a connection. */
  load(rows: readonly ServerRow[]): void {
    this.#loads += 1;
    const named = new Set<SimServer>();
    for (const row of rows) {
      const group = this.#groups.get(row.hostgroup_id) ?? [];
      this.#groups.set(row.hostgroup_id, group);
      let server = group.find((one) => one.row.hostname === row.hostname && one.row.port === row.port);
      if (server === undefined) {
        server = { row, status: 'ONLINE', free: [], used: new Set(), opening: 0 };
        group.push(server);
      }
      server.row = row;
      server.status = row.status.toUpperCase() as SimServer['status'];
      if (server.status !== 'OFFLINE_HARD') named.add(server);
    }
    for (const [hostgroup, group] of this.#groups) {
      for (const server of [...group]) {
        if (server.status !== 'ONLINE' || !named.has(server)) closeAll(server.free.splice(0));
        if (named.has(server)) continue;
        server.status = 'OFFLINE_HARD';
        closeAll([...server.used].filter(({ isRunning }) => isRunning));
        if (server.used.size === 0) group.splice(group.indexOf(server), 1);
      }
      if (group.length === 0) this.#groups.delete(hostgroup);
    }
    for (const waiting of this.#waiting.values()) for (const wake of [...waiting]) wake();
  }

  /**
   * A connection for exclusive use. Without a server that takes statements, or with all their connections taken, it
   * waits until that changes or its patience is over: error 9001.
   */
  async acquire(hostgroup: number, user: string, patience: Patience, signal: AbortSignal): Promise<PooledConnection> {
    for (;;) {
      signal.throwIfAborted();
      const usable = this.online(hostgroup).filter(hasRoom);
      if (usable.length === 0) {
        await this.#parked(hostgroup, patience, signal);
        continue;
      }
      const server = this.#random.pick(usable);
      const index = server.free.findIndex((one) => one.user === user && one.session.open);
      const [pooled] = index === -1 ? [] : server.free.splice(index, 1);
      if (pooled !== undefined) {
        server.used.add(pooled);
        return pooled;
      }
      const opened = await this.#open(server, user, patience, signal);
      if (opened !== null) return opened;
    }
  }

  release(connection: PooledConnection): void {
    const { server } = connection;
    if (!server.used.delete(connection)) return;
    if (server.status === 'ONLINE' && connection.session.open) server.free.push(connection);
    else connection.session.close();
    this.#wakeOne(server.row.hostgroup_id);
  }

  discard(connection: PooledConnection): void {
    connection.server.used.delete(connection);
    connection.session.close();
    this.#wakeOne(connection.server.row.hostgroup_id);
  }

  #wakeOne(hostgroup: number): void {
    this.#waiting.get(hostgroup)?.values().next().value?.();
  }

  async #open(
    server: SimServer,
    user: string,
    patience: Patience,
    signal: AbortSignal,
  ): Promise<PooledConnection | null> {
    const { clock } = this.#process;
    const { hostname: host, port } = server.row;
    makeRoom(server);
    server.opening += 1;
    const opening = this.#connect(this.#process, { host, port }, user);
    const late = new AbortController();
    const over = clock.sleep(Math.max(0, patience.untilMs - clock.monotonicMs()), late.signal).then(
      () => 'late' as const,
      () => 'late' as const,
    );
    try {
      const opened = await Promise.race([opening, over]);
      if (opened === 'late') {
        opening.then(
          (tooLate) => tooLate.close(),
          () => {},
        );
        throw this.#timeout(server.row.hostgroup_id, patience);
      }
      const session = failingOnClose(opened);
      if (server.status !== 'ONLINE' || signal.aborted) {
        session.close();
        return null;
      }
      const connection: PooledConnection = { server, user, session, inTransaction: false, isRunning: false };
      server.used.add(connection);
      session.onLost(() => {
        const index = server.free.indexOf(connection);
        if (index !== -1) server.free.splice(index, 1);
      });
      return connection;
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error;
      await clock.sleep(tryAgainMs);
      if (clock.monotonicMs() >= patience.untilMs) throw this.#timeout(server.row.hostgroup_id, patience);
      return null;
    } finally {
      server.opening -= 1;
      late.abort(new Error('not waited for any more'));
    }
  }

  #parked(hostgroup: number, patience: Patience, signal: AbortSignal): Promise<void> {
    const { clock } = this.#process;
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(hostgroup) ?? new Set();
      this.#waiting.set(hostgroup, waiting);
      const done = (settle: () => void) => {
        cancel();
        waiting.delete(wake);
        signal.removeEventListener('abort', gone);
        if (waiting.size === 0) this.#waiting.delete(hostgroup);
        settle();
      };
      const wake = () => done(resolve);
      const gone = () => done(() => reject(signal.reason));
      const cancel = clock.after(Math.max(0, patience.untilMs - clock.monotonicMs()), () =>
        done(() => reject(this.#timeout(hostgroup, patience))),
      );
      waiting.add(wake);
      signal.addEventListener('abort', gone);
    });
  }

  #timeout(hostgroup: number, { sinceMs }: Patience): ProxyRefusal {
    const waitedMs = Math.round(this.#process.clock.monotonicMs() - sinceMs);
    return new ProxyRefusal(
      9001,
      `Max connect timeout reached while reaching hostgroup ${hostgroup} after ${waitedMs}ms`,
    );
  }
}

function hasRoom({ used, opening, row }: SimServer): boolean {
  return used.size + opening < row.max_connections;
}

/** With every connection taken and none that fits, the one unused for longest makes place. */
function makeRoom({ used, free, opening, row }: SimServer): void {
  while (free.length > 0 && used.size + free.length + opening >= row.max_connections) free.shift()?.session.close();
}

/** What still waits for an answer when its connection is closed from this end hears of it. */
function failingOnClose(session: BackendSession): BackendSession {
  const pending = new Set<(error: ConnectionLost) => void>();
  return {
    get open() {
      return session.open;
    },
    query: (sql) =>
      new Promise((resolve, reject) => {
        pending.add(reject);
        session
          .query(sql)
          .then(resolve, reject)
          .finally(() => pending.delete(reject));
      }),
    close() {
      session.close();
      for (const reject of pending) reject(new ConnectionLost('ECONNRESET', 'the connection was closed'));
    },
    onLost: (hear) => session.onLost(hear),
  };
}

function closeAll(connections: readonly PooledConnection[]): void {
  for (const { session } of connections) session.close();
}
