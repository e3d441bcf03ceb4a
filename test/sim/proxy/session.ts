import { digestOf } from '../../../infra/lab/proxysql/rules/digest.ts';
import type { QueryRules } from '../../../infra/lab/proxysql/rules/queryRules.ts';
import { ConnectionLost } from '../net/link.ts';
import type { SimProcess } from '../time/process.ts';
import { type Answer, isRefusal } from './backend.ts';
import type { PooledConnection, SimHostgroups } from './hostgroups.ts';

/** What a session needs of its proxy. */
export interface SessionHost {
  readonly process: SimProcess;
  readonly hostgroups: SimHostgroups;
  readonly rules: QueryRules;
  readonly defaultHostgroup: number;
  /** How long a statement waits for a connection (milliseconds). */
  readonly connectTimeoutMs: number;
  /** A server answered with an error. */
  countError(session: ProxySession, hostgroup: number, host: string, errno: number): void;
}

/** An answer with where it came from. */
export interface RoutedAnswer extends Answer {
  /** Host of the server that carried it out; null where the proxy answered itself. */
  readonly host: string | null;
}

/** One client of a proxy's MySQL port, as far as routes, holds and drains are concerned. Rules as in the stand-in. */
export class ProxySession {
  readonly id: number;
  readonly user: string;
  readonly schema: string;
  /** By hostgroup; undefined where one was used and given back. */
  readonly backends = new Map<number, PooledConnection | undefined>();
  currentHostgroup = -1;
  transactionHostgroup = -1;
  transactionStartedAtMs = 0;
  command: 'Sleep' | 'Query' | 'Connect' = 'Sleep';
  info: string | null = null;
  lastActivityMs: number;
  readonly #host: SessionHost;
  readonly #gone = new AbortController();
  /** Ends the client's connection without a word. */
  readonly #drop: () => void;

  constructor(host: SessionHost, id: number, user: string, schema: string, drop: () => void) {
    this.#host = host;
    this.id = id;
    this.user = user;
    this.schema = schema;
    this.#drop = drop;
    this.lastActivityMs = host.process.clock.monotonicMs();
  }

  /** Carries out one statement of the client. */
  async query(sql: string): Promise<RoutedAnswer> {
    const { rules, defaultHostgroup } = this.#host;
    if (this.transactionHostgroup === -1) this.currentHostgroup = defaultHostgroup;
    if (/^(?:\/\*.*?\*\/\s*)?(?:COMMIT|ROLLBACK)$/i.test(sql) && !this.#inTransaction()) return nothing;
    const subject = { user: this.user, schema: this.schema, clientAddress: '10.0.0.1', proxyPort: 6033 };
    const { destinationHostgroup } = rules.process(subject, sql, digestOf(sql), 0);
    if (destinationHostgroup !== undefined && this.transactionHostgroup === -1) {
      this.currentHostgroup = destinationHostgroup;
    }
    try {
      return await this.#run(sql);
    } finally {
      this.command = 'Sleep';
      this.info = null;
      this.lastActivityMs = this.#host.process.clock.monotonicMs();
    }
  }

  /** The client is gone: what is open at a server ends there. */
  close(): void {
    if (this.#gone.signal.aborted) return;
    this.#gone.abort(new ConnectionLost('ECONNRESET', 'the client is gone'));
    for (const backend of this.backends.values()) {
      if (backend === undefined) continue;
      if (backend.inTransaction || backend.isRunning) this.#host.hostgroups.discard(backend);
      else this.#host.hostgroups.release(backend);
    }
    this.backends.clear();
  }

  #inTransaction(): boolean {
    return [...this.backends.values()].some((backend) => backend?.inTransaction === true);
  }

  /**
   * On the connection that the session holds in its hostgroup, else on one from the pool. A connection that is lost
   * under a statement has it run again once, unless a transaction was open: it may so run twice.
   */
  async #run(sql: string): Promise<RoutedAnswer> {
    const { process, hostgroups, connectTimeoutMs } = this.#host;
    const hostgroup = this.currentHostgroup;
    if (!this.backends.has(hostgroup)) this.backends.set(hostgroup, undefined);
    for (let retries = 1; ; retries--) {
      let backend = this.backends.get(hostgroup);
      if (backend === undefined) {
        this.command = 'Connect';
        this.info = null;
        const deadlineMs = process.clock.monotonicMs() + connectTimeoutMs;
        backend = await hostgroups.acquire(hostgroup, this.user, deadlineMs, this.#gone.signal);
        if (this.#gone.signal.aborted) {
          hostgroups.release(backend);
          throw this.#gone.signal.reason;
        }
        this.backends.set(hostgroup, backend);
      }
      this.command = 'Query';
      this.info = sql;
      if (!backend.inTransaction) this.transactionStartedAtMs = process.clock.monotonicMs();
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

  async #on(backend: PooledConnection, sql: string): Promise<RoutedAnswer> {
    const { hostgroup_id: hostgroup, hostname: host } = backend.server.row;
    backend.isRunning = true;
    try {
      const answer = await backend.session.query(sql);
      backend.inTransaction = answer.inTransaction;
      this.#keepOrRelease(hostgroup, backend);
      return { ...answer, host };
    } catch (error) {
      if (isRefusal(error)) {
        this.#host.countError(this, hostgroup, host, error.errno);
        // A deadlock or a lock wait that ends the transaction says so in the status of the error's answer.
        backend.inTransaction = (error as { inTransaction?: boolean }).inTransaction ?? backend.inTransaction;
        this.#keepOrRelease(hostgroup, backend);
      }
      throw error;
    } finally {
      backend.isRunning = false;
    }
  }

  #keepOrRelease(hostgroup: number, backend: PooledConnection): void {
    if (this.#gone.signal.aborted) return;
    if (backend.inTransaction) {
      if (this.transactionHostgroup === -1) this.transactionHostgroup = hostgroup;
      return;
    }
    this.transactionHostgroup = -1;
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
