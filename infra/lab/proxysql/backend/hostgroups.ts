import { SHARED_CAPABILITIES } from '../wire/constants.ts';
import { BackendConnection } from './connection.ts';
import { BackendLostError, ConnectTimeoutError } from './errors.ts';
import type { BackendLogin } from './login.ts';
import { Server, type ServerRow, type ServerStatusName } from './server.ts';

/** The variables that decide how connections are had, read anew at each use. */
export interface PoolSettings {
  readonly connectTimeoutMs: number;
  readonly connectTimeoutMaxMs: number;
  readonly connectRetries: number;
  readonly connectRetryDelayMs: number;
  readonly shunOnFailures: number;
  readonly shunRecoveryMs: number;
}

/** What a session needs a connection for. */
export interface ConnectionRequest {
  readonly login: BackendLogin;
  /** True where a pooled connection has no session state that the session does not want. */
  fits(connection: BackendConnection): boolean;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
  readonly deadlineMs: number;
}

type Wake = () => void;

/** All hostgroups of the runtime: their servers, pooled connections, and the sessions that wait for one. */
export class Hostgroups {
  readonly #groups = new Map<number, Server[]>();
  readonly #waiting = new Map<number, Set<Wake>>();
  readonly #settings: () => PoolSettings;

  constructor(settings: () => PoolSettings) {
    this.#settings = settings;
  }

  *servers(): Generator<Server> {
    for (const group of this.#groups.values()) yield* group;
  }

  /**
   * Takes over the servers of a LOAD MYSQL SERVERS. A server that is not named any more, or is OFFLINE_HARD, fails what
   * runs on it; what is merely held by an idle session is noticed at that session's next statement.
   */
  load(rows: readonly ServerRow[]): void {
    const named = new Set<Server>();
    for (const row of rows) {
      const group = this.#group(row.hostgroup_id);
      let server = group.find((one) => one.host === row.hostname && one.port === row.port);
      if (server === undefined) {
        server = new Server(row);
        group.push(server);
      }
      server.row = row;
      server.status = row.status.toUpperCase() as ServerStatusName;
      if (server.status !== 'OFFLINE_HARD') named.add(server);
    }
    for (const [hostgroup, group] of this.#groups) {
      for (const server of [...group]) {
        if (named.has(server)) {
          if (server.status !== 'ONLINE') closeAll(server.free);
          continue;
        }
        server.status = 'OFFLINE_HARD';
        closeAll(server.free);
        for (const connection of [...server.used]) {
          if (connection.isRunning) connection.destroy('its server was taken out of the hostgroup');
        }
        // Connections that sessions still hold keep the server in the lists.
        if (server.used.size === 0) group.splice(group.indexOf(server), 1);
      }
      if (group.length === 0) this.#groups.delete(hostgroup);
    }
    for (const waiting of this.#waiting.values()) for (const wake of [...waiting]) wake();
  }

  /**
   * A connection of the hostgroup for exclusive use until it is released. Without a usable server, or with all their
   * connections taken, the request is parked until that changes or its time is over (ConnectTimeoutError).
   */
  async acquire(hostgroup: number, request: ConnectionRequest): Promise<BackendConnection> {
    let failures = 0;
    for (;;) {
      if (request.signal.aborted) throw new BackendLostError('the client is gone');
      const server = this.#choose(hostgroup);
      if (server === undefined) {
        await this.#parked(hostgroup, request);
        continue;
      }
      const pooled = takeFitting(server, request);
      if (pooled !== undefined) return this.#take(server, pooled);
      makeRoom(server);
      try {
        return this.#take(server, await this.#open(server, request.login));
      } catch (error) {
        this.#failed(server);
        failures++;
        if (failures > this.#settings().connectRetries) throw error;
        await delay(this.#settings().connectRetryDelayMs);
      }
    }
  }

  /** Back into the pool, or closed where its server takes no new sessions. */
  release(connection: BackendConnection): void {
    const { server } = connection;
    if (connection.isClosed || !server.used.delete(connection)) return;
    if (server.status === 'ONLINE') server.free.push(connection);
    else connection.destroy();
    this.#wakeOne(server.hostgroup);
  }

  /** Closed for good, and its place given to the next one. */
  discard(connection: BackendConnection): void {
    connection.destroy();
    this.#wakeOne(connection.server.hostgroup);
  }

  closeAll(): void {
    for (const server of this.servers()) closeAll([...server.free, ...server.used]);
  }

  #group(hostgroup: number): Server[] {
    let group = this.#groups.get(hostgroup);
    if (group === undefined) {
      group = [];
      this.#groups.set(hostgroup, group);
    }
    return group;
  }

  #choose(hostgroup: number): Server | undefined {
    const usable = (this.#groups.get(hostgroup) ?? []).filter(
      (server) =>
        server.status === 'ONLINE' &&
        server.row.weight > 0 &&
        server.used.size + server.opening < server.row.max_connections,
    );
    if (usable.length <= 1) return usable[0];
    const total = usable.reduce((sum, server) => sum + server.row.weight, 0);
    let left = Math.random() * total;
    for (const server of usable) {
      left -= server.row.weight;
      if (left < 0) return server;
    }
    return usable[0];
  }

  #take(server: Server, connection: BackendConnection): BackendConnection {
    if (server.status !== 'ONLINE') {
      connection.destroy();
      throw new BackendLostError('the server went offline while it was being connected to');
    }
    server.used.add(connection);
    server.maxUsed = Math.max(server.maxUsed, server.used.size);
    connection.timesTaken++;
    return connection;
  }

  async #open(server: Server, login: BackendLogin): Promise<BackendConnection> {
    server.opening++;
    try {
      const connection = await BackendConnection.open(server, login, this.#settings().connectTimeoutMs);
      server.connectionsOpened++;
      return connection;
    } finally {
      server.opening--;
    }
  }

  #parked(hostgroup: number, { signal, deadlineMs }: ConnectionRequest): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(hostgroup) ?? new Set();
      this.#waiting.set(hostgroup, waiting);
      const done = (settle: () => void) => {
        clearTimeout(timer);
        waiting.delete(wake);
        signal.removeEventListener('abort', gone);
        if (waiting.size === 0) this.#waiting.delete(hostgroup);
        settle();
      };
      const wake = () => done(resolve);
      const gone = () => done(() => reject(new BackendLostError('the client is gone')));
      const timer = setTimeout(
        () => done(() => reject(new ConnectTimeoutError('no connection in time'))),
        deadlineMs - performance.now(),
      );
      waiting.add(wake);
      signal.addEventListener('abort', gone);
    });
  }

  #wakeOne(hostgroup: number): void {
    const next = this.#waiting.get(hostgroup)?.values().next().value;
    next?.();
  }

  /** A server that fails often within a second is left alone for a while. */
  #failed(server: Server): void {
    const second = Math.floor(Date.now() / 1000);
    server.connectErrors++;
    server.errorsThisSecond = server.lastErrorSecond === second ? server.errorsThisSecond + 1 : 1;
    server.lastErrorSecond = second;
    const { shunOnFailures, shunRecoveryMs, connectTimeoutMaxMs } = this.#settings();
    if (server.status !== 'ONLINE' || server.errorsThisSecond < shunOnFailures) return;
    server.status = 'SHUNNED';
    // Shorter than a client's patience, so that a waiting one gets another try.
    const pauseMs = Math.max(1000, Math.min(shunRecoveryMs, connectTimeoutMaxMs - 1000));
    setTimeout(() => {
      if (server.status !== 'SHUNNED') return;
      server.status = 'ONLINE';
      for (const wake of [...(this.#waiting.get(server.hostgroup) ?? [])]) wake();
    }, pauseMs).unref();
  }
}

function takeFitting(server: Server, request: ConnectionRequest): BackendConnection | undefined {
  for (let index = server.free.length - 1; index >= 0; index--) {
    const connection = server.free[index] as BackendConnection;
    if (!sameLogin(connection.login, request.login) || !request.fits(connection)) continue;
    server.free.splice(index, 1);
    return connection;
  }
  return undefined;
}

function sameLogin(a: BackendLogin, b: BackendLogin): boolean {
  return (
    a.user === b.user &&
    a.secret.text === b.secret.text &&
    a.collationId === b.collationId &&
    (a.capabilities & SHARED_CAPABILITIES) === (b.capabilities & SHARED_CAPABILITIES)
  );
}

/** With every connection taken and none that fits, the one unused for longest makes place. */
function makeRoom(server: Server): void {
  while (server.free.length > 0 && server.connections >= server.row.max_connections) server.free[0]?.destroy();
}

function closeAll(connections: readonly BackendConnection[]): void {
  for (const connection of [...connections]) connection.destroy();
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
