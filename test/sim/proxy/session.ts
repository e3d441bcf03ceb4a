import { digestOf } from '../../../infra/lab/proxysql/rules/digest.ts';
import type { QueryRules } from '../../../infra/lab/proxysql/rules/queryRules.ts';
import type { RuntimeUser } from '../../../infra/lab/proxysql/runtime.ts';
import { ConnectionLost } from '../net/link.ts';
import type { SimProcess } from '../time/process.ts';
import { type Answer, isRefusal, ProxyRefusal } from './backend.ts';
import type { PooledConnection, SimHostgroups } from './hostgroups.ts';

/** What a session needs of its proxy. */
export interface SessionHost {
  readonly process: SimProcess;
  readonly hostgroups: SimHostgroups;
  readonly rules: QueryRules;
  /** How long a statement waits for a connection (milliseconds). */
  readonly connectTimeoutMs: number;
  /** A server carried a statement out, in so many milliseconds since the client sent it. */
  countStatement(session: ProxySession, hostgroup: number, digest: string, elapsedMs: number): void;
  /** A server answered with an error. */
  countError(session: ProxySession, hostgroup: number, host: string, errno: number): void;
  /** It is over: the process list shows it no more. */
  forget(session: ProxySession): void;
}

/** An answer with where it came from. */
export interface RoutedAnswer extends Answer {
  /** Host of the server that carried it out; null where the proxy answered itself. */
  readonly host: string | null;
}

/** One client of a proxy's MySQL port, as far as routes, holds and drains are concerned. Rules as in the stand-in. */
export class ProxySession {
  readonly id: number;
  readonly user: RuntimeUser;
  schema: string;
  /** By hostgroup; undefined where one was used and given back. */
  readonly backends = new Map<number, PooledConnection | undefined>();
  currentHostgroup = -1;
  transactionHostgroup = -1;
  /** As ProxySQL counts: 1 while any statement runs, and after one that failed until the next that succeeds. */
  activeTransactions = 0;
  transactionStartedAtMs = 0;
  command: 'Sleep' | 'Query' | 'Connect' = 'Sleep';
  info: string | null = null;
  lastActivityMs: number;
  readonly #host: SessionHost;
  readonly #gone = new AbortController();
  /** The client has closed its side; a parked session goes on to the end of its wait. */
  #hasLeft = false;
  /** Ends the client's connection without a word. */
  readonly #drop: () => void;

  constructor(host: SessionHost, id: number, user: RuntimeUser, schema: string, drop: () => void) {
    this.#host = host;
    this.id = id;
    this.user = user;
    this.schema = schema;
    this.#drop = drop;
    this.lastActivityMs = host.process.clock.monotonicMs();
  }

  /** Carries out one statement of the client. */
  async query(sql: string): Promise<RoutedAnswer> {
    if (this.transactionHostgroup === -1) this.currentHostgroup = this.user.defaultHostgroup;
    if (/^(?:COMMIT|ROLLBACK)$/i.test(sql)) {
      const open = this.#openIn();
      if (open === null) return nothing;
      this.currentHostgroup = open;
    }
    const subject = { user: this.user.username, schema: this.schema, clientAddress: '10.0.0.1', proxyPort: 6033 };
    const digest = digestOf(sql);
    const { destinationHostgroup, errorMessage } = this.#host.rules.process(subject, sql, digest, 0);
    const used = /^USE\s+`?([^`\s]+)`?$/i.exec(sql)?.[1];
    if (used !== undefined) {
      this.schema = used;
      return nothing;
    }
    if (errorMessage !== undefined) throw new ProxyRefusal(1148, errorMessage);
    if (destinationHostgroup !== undefined && this.transactionHostgroup === -1) {
      this.currentHostgroup = destinationHostgroup;
    }
    const { clock } = this.#host.process;
    const sentMs = clock.monotonicMs();
    try {
      const answer = await this.#run(sql);
      this.#host.countStatement(this, this.currentHostgroup, digest.text, clock.monotonicMs() - sentMs);
      return answer;
    } finally {
      this.command = 'Sleep';
      this.info = null;
      this.lastActivityMs = this.#host.process.clock.monotonicMs();
      if (this.#hasLeft) this.#end();
    }
  }

  /** The client is gone: what is open at a server ends there. */
  close(): void {
    this.#hasLeft = true;
    if (this.command !== 'Connect') this.#end();
  }

  #end(): void {
    if (this.#gone.signal.aborted) return;
    this.#gone.abort(new ConnectionLost('ECONNRESET', 'the client is gone'));
    this.#host.forget(this);
    for (const backend of this.backends.values()) {
      if (backend === undefined) continue;
      if (backend.inTransaction || backend.isRunning) this.#host.hostgroups.discard(backend);
      else this.#host.hostgroups.release(backend);
    }
    this.backends.clear();
  }

  /** The hostgroup in which a transaction is open. */
  #openIn(): number | null {
    for (const [hostgroup, backend] of this.backends) if (backend?.inTransaction === true) return hostgroup;
    return null;
  }

  /**
   * On the connection that the session holds in its hostgroup, else on one from the pool. A connection that is lost
   * under a statement has it run again once, unless a transaction was open: it may so run twice.
   */
  async #run(sql: string): Promise<RoutedAnswer> {
    const { process } = this.#host;
    const hostgroup = this.currentHostgroup;
    const sinceMs = process.clock.monotonicMs();
    if (!this.backends.has(hostgroup)) this.backends.set(hostgroup, undefined);
    for (let retries = 1; ; retries--) {
      const backend = this.backends.get(hostgroup) ?? (await this.#take(hostgroup, sinceMs));
      this.command = 'Query';
      this.info = sql;
      if (this.activeTransactions === 0) {
        this.activeTransactions = 1;
        this.transactionStartedAtMs = process.clock.monotonicMs();
      }
      try {
        if (backend.server.status === 'OFFLINE_HARD') throw new ConnectionLost('ECONNRESET', 'the server is offline');
        return await this.#on(backend, sql);
      } catch (error) {
        if (this.#gone.signal.aborted || isRefusal(error)) throw error;
        const again = retries > 0 && !backend.inTransaction;
        this.#giveUp(hostgroup, backend);
        if (again) continue;
        this.#drop();
        throw error;
      }
    }
  }

  async #take(hostgroup: number, sinceMs: number): Promise<PooledConnection> {
    const { process, hostgroups, connectTimeoutMs } = this.#host;
    this.command = 'Connect';
    this.info = null;
    const nowMs = process.clock.monotonicMs();
    const patience = { sinceMs, untilMs: nowMs + connectTimeoutMs };
    const backend = await hostgroups.acquire(hostgroup, this.user.username, patience, this.#gone.signal);
    if (this.#hasLeft) {
      hostgroups.release(backend);
      throw new ConnectionLost('ECONNRESET', 'the client is gone');
    }
    this.backends.set(hostgroup, backend);
    return backend;
  }

  async #on(backend: PooledConnection, sql: string): Promise<RoutedAnswer> {
    const { hostgroup_id: hostgroup, hostname: host } = backend.server.row;
    backend.isRunning = true;
    try {
      const answer = await backend.session.query(sql);
      backend.inTransaction = answer.inTransaction;
      if (!answer.inTransaction) this.#countOpen();
      this.#keepOrRelease(hostgroup, backend);
      return { ...answer, host };
    } catch (error) {
      if (isRefusal(error)) {
        // An error says nothing of the transaction: the proxy believes in it until the next answer that does.
        this.#host.countError(this, hostgroup, host, error.errno);
        this.#keepOrRelease(hostgroup, backend);
      }
      throw error;
    } finally {
      backend.isRunning = false;
    }
  }

  #countOpen(): void {
    this.activeTransactions = this.#openIn() === null ? 0 : 1;
    if (this.activeTransactions === 0) this.transactionStartedAtMs = 0;
  }

  #keepOrRelease(hostgroup: number, backend: PooledConnection): void {
    if (this.#gone.signal.aborted) return;
    const { transactionPersistent } = this.user;
    if (backend.inTransaction) {
      if (transactionPersistent && this.transactionHostgroup === -1) this.transactionHostgroup = hostgroup;
      return;
    }
    if (transactionPersistent) this.transactionHostgroup = -1;
    this.backends.set(hostgroup, undefined);
    backend.isRunning = false;
    this.#host.hostgroups.release(backend);
  }

  #giveUp(hostgroup: number, backend: PooledConnection): void {
    this.backends.set(hostgroup, undefined);
    this.#host.hostgroups.discard(backend);
  }
}

const nothing: RoutedAnswer = { rows: [], affectedRows: 0, inTransaction: false, host: null };
