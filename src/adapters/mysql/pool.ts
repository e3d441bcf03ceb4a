import { z } from 'zod';
import type { Clock } from '../../ports/clock.ts';
import { dialectOf } from './dialect.ts';
import { asPlaceError, errorNumber, SERVER_ERROR } from './failures.ts';
import type { Limits } from './limits.ts';
import { integer, text } from './rows.ts';
import { Semaphore } from './semaphore.ts';
import { Session, type SessionOptions } from './session.ts';
import { type ConnectionTarget, connected, type OpenWire, type Wire } from './wire.ts';

/** One pool of a place. */
export interface PoolOptions {
  readonly clock: Clock;
  readonly openWire: OpenWire;
  /** For errors: the place's name. */
  readonly place: string;
  readonly target: ConnectionTarget;
  /** Most connections at once; who comes later waits. */
  readonly limit: number;
  readonly isolation: 'READ COMMITTED' | 'REPEATABLE READ';
  readonly connectTimeoutMs: number;
  /** Longest wait in line for one of the connections, where the caller gives no limit; `connectTimeoutMs` by default. */
  readonly queueTimeoutMs?: number;
  /** Of a statement that is given no time-out of its own. */
  readonly queryTimeoutMs: number;
  /** Pool of the same account that ends statements which were given up; none: they are left to the server. */
  readonly killer: SessionPool | null;
}

// A session must not wait for ever, whatever the server's defaults: not for rows, nor for a table's metadata.
const LOCK_WAIT_SECONDS = 5;
// The server's own end of a connection whose controller vanished without a word.
const IDLE_SECONDS = 3600;
const KILL_TIMEOUT_MS = 1_000;
const ENDING_POLL_MS = 2;
const GONE_POLL_MS = 5;

/**
 * Connections to one place as one account. A connection is lent to one caller at a time and comes back only if its
 * state is known; else it is destroyed, and the server is told to end what it was doing.
 */
export class SessionPool {
  readonly #options: PoolOptions;
  readonly #permits: Semaphore;
  readonly #idle: Session[] = [];
  readonly #open = new Set<Session>();
  readonly #kills = new Set<Promise<void>>();
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#permits = new Semaphore(options.clock, options.limit);
  }

  /** Lends a session to `work`; whatever fails is thrown as the place's error, an abort as the signal's reason. */
  async use<T>(action: string, work: (session: Session) => Promise<T>, limits: Limits = {}): Promise<T> {
    try {
      const session = await this.acquire(limits);
      try {
        return await work(session);
      } finally {
        this.release(session);
      }
    } catch (error) {
      if (limits.signal?.aborted && error === limits.signal.reason) throw error;
      throw asPlaceError(this.#options.place, action, error);
    }
  }

  /** Lends a session until {@link release}. */
  async acquire(limits: Limits): Promise<Session> {
    const { connectTimeoutMs, queueTimeoutMs = connectTimeoutMs } = this.#options;
    const inLine = { signal: limits.signal, timeoutMs: limits.timeoutMs ?? queueTimeoutMs };
    await this.#permits.acquire('waiting for a free connection', inLine);
    const timeoutMs = limits.timeoutMs ?? connectTimeoutMs;
    try {
      return this.#takeIdle() ?? (await this.#connect({ signal: limits.signal, timeoutMs }));
    } catch (error) {
      this.#permits.release();
      throw error;
    }
  }

  release(session: Session): void {
    if (!this.#closed && session.usable && this.#open.has(session)) this.#idle.push(session);
    else this.#drop(session, new Error('the connection was given back'));
    this.#permits.release();
  }

  /** Has `count` connections open that answer. */
  async warmUp(count: number): Promise<void> {
    const lent: Session[] = [];
    try {
      await Promise.all(
        Array.from({ length: Math.min(count, this.#options.limit) }, async () => {
          const session = await this.acquire({});
          lent.push(session);
          await session.run('DO 1');
        }),
      );
    } catch (error) {
      throw asPlaceError(this.#options.place, 'opening connections', error);
    } finally {
      for (const session of lent) this.release(session);
    }
  }

  /**
   * Ends the server's thread, and resolves once the server does not know it any more: that is asked by ending it again,
   * which needs no table that may be switched off, or fail at what others are running. Throws where it stays for longer
   * than `timeoutMs` behind the first answer, which may take as long.
   */
  async kill(threadId: number, { timeoutMs, signal }: { timeoutMs: number; signal?: AbortSignal }): Promise<void> {
    const { clock } = this.#options;
    const limits = { timeoutMs, signal };
    const session = await this.acquire(limits);
    try {
      if (!(await this.#ends(session, `KILL ${threadId}`, limits))) return;
      const deadlineMs = clock.monotonicMs() + timeoutMs;
      while (await this.#ends(session, `KILL ${threadId}`, limits)) {
        if (clock.monotonicMs() >= deadlineMs) throw new Error(`thread ${threadId} is still there after its KILL`);
        await clock.sleep(GONE_POLL_MS, signal);
      }
    } finally {
      this.release(session);
    }
  }

  /**
   * Ends the statement of a connection that we have closed already, but not while it opens its tables: MariaDB (10.11.19,
   * measured) keeps what is left then, a table with triggers half read, and every write through it fails (1064, 'Trigger
   * … has an error in its body') until the table is defined anew. Throws where the statement does not end in time.
   */
  async endStatement(threadId: number): Promise<void> {
    const { clock } = this.#options;
    const deadlineMs = clock.monotonicMs() + KILL_TIMEOUT_MS;
    const limits = { timeoutMs: KILL_TIMEOUT_MS };
    const session = await this.acquire(limits);
    try {
      const { statementOf } = session.dialect;
      if (statementOf === null) {
        await this.#ends(session, `KILL ${threadId}`, limits);
        return;
      }
      for (;;) {
        const statement = await session.row(statementRow, statementOf, [threadId], limits);
        if (statement === null) return;
        // This statement and no other: the next one may be on its way.
        if (statement.opening === 0) await this.#ends(session, `KILL QUERY ID ${statement.queryId}`, limits);
        if (clock.monotonicMs() >= deadlineMs) throw new Error(`thread ${threadId} goes on with its statement`);
        await clock.sleep(ENDING_POLL_MS);
      }
    } finally {
      this.release(session);
    }
  }

  /** Closes every connection, also those still lent; their callers get errors. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const session of this.#open) this.#drop(session, new Error('the connections of this place were closed'));
    this.#idle.length = 0;
    await Promise.all(this.#kills);
  }

  /** False where the server knows nothing like it any more. */
  async #ends(session: Session, kill: string, limits: Limits): Promise<boolean> {
    try {
      await session.run(kill, [], limits);
      return true;
    } catch (error) {
      const errno = errorNumber(error);
      if (errno !== SERVER_ERROR.noSuchThread && errno !== SERVER_ERROR.noSuchQuery) throw error;
      return false;
    }
  }

  #takeIdle(): Session | null {
    for (;;) {
      const session = this.#idle.pop();
      if (session === undefined) return null;
      if (session.usable && this.#open.has(session)) return session;
    }
  }

  async #connect(limits: Limits): Promise<Session> {
    if (this.#closed) throw new Error('the connections of this place are closed');
    const wire = this.#options.openWire(this.#options.target, this.#options.connectTimeoutMs);
    // An idle connection may end at any time; without a listener that would end the process.
    let failed: (error: unknown) => void = () => {};
    wire.connection.on('error', (error) => failed(error));
    wire.connection.on('end', () => failed(new Error('the server ended the connection')));
    try {
      await connected(this.#options.clock, wire, limits);
      const session = await this.#prepare(wire);
      failed = (error) => this.#drop(session, error);
      if (this.#closed) throw new Error('the connections of this place were closed');
      this.#open.add(session);
      return session;
    } catch (error) {
      wire.sever();
      throw error;
    }
  }

  async #prepare(wire: Wire): Promise<Session> {
    const options: SessionOptions = {
      clock: this.#options.clock,
      defaultTimeoutMs: this.#options.queryTimeoutMs,
      abandoned: (session) => this.#abandon(session),
    };
    const limits = { timeoutMs: this.#options.connectTimeoutMs };
    const probe = new Session(wire, dialectOf(''), options);
    const found = await probe.row(versionRow, 'SELECT VERSION() AS version', [], limits);
    const session = new Session(wire, dialectOf(found?.version ?? ''), options);
    const statements = [
      `SET SESSION TRANSACTION ISOLATION LEVEL ${this.#options.isolation}`,
      // The escaping of values rests on backslashes, so the mode is not left to the server's default.
      `SET SESSION sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION', time_zone = '+00:00', autocommit = 1,
         lock_wait_timeout = ${LOCK_WAIT_SECONDS}, innodb_lock_wait_timeout = ${LOCK_WAIT_SECONDS},
         wait_timeout = ${IDLE_SECONDS}`,
      ...session.dialect.sessionVariables,
    ];
    for (const statement of statements) await session.run(statement, [], limits);
    session.lockWaitSeconds = LOCK_WAIT_SECONDS;
    return session;
  }

  /** A statement was given up: the server must not go on with it. */
  #abandon(session: Session): void {
    this.#open.delete(session);
    const { killer } = this.#options;
    if (killer === null || session.threadId === 0) return;
    // Best effort: where the server cannot be reached, its own time-outs end the statement.
    const kill: Promise<void> = killer
      .endStatement(session.threadId)
      .catch(() => undefined)
      .finally(() => this.#kills.delete(kill));
    this.#kills.add(kill);
  }

  #drop(session: Session, reason: unknown): void {
    this.#open.delete(session);
    session.discard(reason);
  }
}

const versionRow = z.object({ version: text });
const statementRow = z.object({ queryId: integer, opening: integer });
