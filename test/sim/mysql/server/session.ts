import type { Environment } from '../evaluate/environment.ts';
import type { Delete, Insert, Select, Statement, Update } from '../sql/ast.ts';
import { parse } from '../sql/statement.ts';
import { textOf, type Value } from '../sql/value.ts';
import { sqlErrors } from '../sqlError.ts';
import { MustWait } from '../storage/locks.ts';
import type { Isolation, Transaction } from '../storage/transaction.ts';
import { administer } from './administer.ts';
import type { ServerCore } from './core.ts';
import { StatementReader } from './reader.ts';
import { MustWaitForName, type Obstacle, type Result, SessionEnded, type SessionView } from './sessionState.ts';

const LONGEST_IDLE_MS = 60_000;
const NO_PARAMETERS: readonly unknown[] = [];

/** One connection at the server: a statement at a time, each whole or not at all. */
export class ServerSession implements SessionView {
  readonly id: number;
  readonly user: string;
  readonly host: string;
  readonly core: ServerCore;
  readonly variables = new Map<string, Value>();
  database: string | null;
  isolation: Isolation;
  transaction: Transaction | null = null;
  /** GET_LOCK gave up its wait for this name: the next time it is asked it answers 0. */
  gaveUpName: string | null = null;
  lastInsertId = 0;
  /** What the statement under way said with LAST_INSERT_ID(…). */
  saidInsertId = 0;
  /** Of the statement under way, or the last. */
  queryId = 0;
  #running = false;
  #stopIdling: () => void = () => {};
  #clientGone = false;
  #ended: SessionEnded | null = null;
  /** Begun for one statement under autocommit; ends with it. */
  #implicit: Transaction | null = null;
  #interrupt: ((reason: Error) => void) | null = null;
  readonly #hearers: ((reason: string) => void)[] = [];

  constructor(core: ServerCore, id: number, login: { user: string; host: string; database: string | null }) {
    this.core = core;
    this.id = id;
    this.user = login.user;
    this.host = login.host;
    this.database = login.database;
    this.isolation = core.isolation;
  }

  get running(): boolean {
    return this.#running;
  }

  get ended(): boolean {
    return this.#ended !== null;
  }

  /** Carries out one statement; rejects with `SqlError`, or `SessionEnded` where the connection ends meanwhile. */
  async execute(sql: string, parameters: readonly unknown[] = NO_PARAMETERS): Promise<Result> {
    if (this.#ended !== null) throw this.#ended;
    if (this.#running) throw new Error('a connection carries out one statement at a time');
    const statement = parse(sql);
    this.queryId = this.core.nextQueryId();
    this.#running = true;
    this.#stopIdling();
    try {
      return await this.#carryOut(sql, statement, parameters);
    } finally {
      this.#running = false;
      if (this.#clientGone) this.end('the client was gone');
      else this.#idle();
    }
  }

  /** Who asks nothing for `wait_timeout` is thrown out, and what is open is rolled back. */
  #idle(): void {
    if (this.#ended !== null) return;
    const ms = Number(this.variable('wait_timeout')) * 1_000;
    // Hours are more than any run has.
    if (ms > LONGEST_IDLE_MS) return;
    this.#stopIdling = this.core.clock.after(ms, () => this.end('nothing was asked for wait_timeout'));
  }

  /** The client's end is closed. What runs goes on to its end, as servers notice only then. */
  clientGone(): void {
    this.#clientGone = true;
    if (!this.#running) this.end('the client is gone');
  }

  /** The server ends the connection, whatever it is doing. */
  end(reason: string): void {
    if (this.#ended !== null) return;
    this.#ended = new SessionEnded(reason);
    this.#stopIdling();
    if (this.transaction !== null) this.core.transactions.rollBack(this.transaction);
    this.transaction = null;
    this.core.forget(this);
    this.#interrupt?.(this.#ended);
    for (const hear of this.#hearers.splice(0)) hear(reason);
  }

  /** The server ends the statement that waits; the connection stays, and its transaction. */
  interrupt(): void {
    this.#interrupt?.(sqlErrors.interrupted());
  }

  onEnd(hear: (reason: string) => void): void {
    this.#hearers.push(hear);
  }

  variable(name: string): Value | undefined {
    return this.variables.get(name) ?? this.core.variables.get(name);
  }

  async #carryOut(sql: string, statement: Statement, parameters: readonly unknown[]): Promise<Result> {
    for (;;) {
      const outcome = this.#attempt(sql, statement, parameters);
      if (!('obstacle' in outcome)) return outcome;
      try {
        await this.#wait(outcome.obstacle);
      } catch (error) {
        // A lock that did not come in time costs the statement only, and the transaction that was begun for it.
        if (this.#isImplicit()) this.#rollBack();
        throw error;
      }
    }
  }

  /** The statement, whole or not at all; what it locked stays locked while it waits for more. */
  #attempt(sql: string, statement: Statement, parameters: readonly unknown[]): Result | { obstacle: Obstacle } {
    if (this.transaction === null && needsTransaction(statement)) {
      this.transaction = this.core.begin(this, this.isolation);
      if (this.#autocommit()) this.#implicit = this.transaction;
    }
    const point = this.transaction?.savepoint();
    try {
      const answer = this.#run(sql, statement, parameters);
      if (this.#isImplicit()) this.#commit();
      return { ...answer, inTransaction: this.transaction !== null };
    } catch (error) {
      if (point !== undefined) this.transaction?.rollBackTo(point);
      if (error instanceof MustWait || error instanceof MustWaitForName) return { obstacle: error };
      if (this.#isImplicit()) this.#rollBack();
      throw error;
    }
  }

  #isImplicit(): boolean {
    return this.transaction !== null && this.transaction === this.#implicit;
  }

  #autocommit(): boolean {
    return Number(this.variable('autocommit') ?? 1) !== 0;
  }

  #run(sql: string, statement: Statement, parameters: readonly unknown[]): Omit<Result, 'inTransaction'> {
    switch (statement.kind) {
      case 'select':
      case 'insert':
      case 'update':
      case 'delete':
        return this.#runRows(sql, statement, parameters);
      case 'begin':
        this.#commit();
        this.transaction = this.core.begin(this, this.isolation, statement.readOnly);
        // Under READ COMMITTED the server takes it and pins nothing.
        if (statement.snapshot && this.isolation === 'REPEATABLE READ')
          this.transaction.view = this.core.transactions.now;
        return NOTHING;
      case 'commit':
        this.#commit();
        return NOTHING;
      case 'rollback':
        this.#rollBack();
        return NOTHING;
      default:
        return administer(this, sql, statement, parameters);
    }
  }

  #runRows(
    sql: string,
    statement: Select | Insert | Update | Delete,
    parameters: readonly unknown[],
  ): Omit<Result, 'inTransaction'> {
    const compiled = this.core.catalog.ready(sql, statement, this.database);
    const reader = new StatementReader(this, compiled.kind === 'write');
    const environment: Environment = { reader, parameters, outer: null, cells: [], group: null, locals: null };
    if (compiled.kind === 'select') {
      const rows = compiled.select.run(environment);
      return { rows, columns: compiled.select.columns, affectedRows: 0, insertId: 0 };
    }
    if (this.transaction?.readOnly === true) throw sqlErrors.readOnlyTransaction();
    if (this.core.isReadOnly()) throw sqlErrors.readOnly();
    // What a trigger reads takes locks only where that is written out.
    const inTriggers = new StatementReader(this, false);
    this.saidInsertId = 0;
    const written = compiled.run(environment, {
      fire: (event, table, before, after) => this.core.catalog.fire(inTriggers, event, table, before, after),
      nextId: (table) => this.core.nextId(table),
    });
    const insertId = written.insertId === 0 ? this.saidInsertId : written.insertId;
    if (insertId !== 0) this.lastInsertId = insertId;
    return { rows: null, columns: [], affectedRows: written.affectedRows, insertId };
  }

  #commit(): void {
    if (this.transaction !== null) this.core.transactions.commit(this.transaction);
    this.transaction = null;
    this.#implicit = null;
  }

  #rollBack(): void {
    if (this.transaction !== null) this.core.transactions.rollBack(this.transaction);
    this.transaction = null;
    this.#implicit = null;
  }

  #wait(obstacle: Obstacle): Promise<void> {
    return new Promise((resolve, reject) => {
      let cancel = () => {};
      const over = () => {
        cancel();
        this.#interrupt = null;
      };
      this.#interrupt = (reason) => {
        if (this.transaction !== null) this.core.transactions.locks.stopWaiting(this.transaction);
        over();
        reject(reason);
      };
      if (obstacle instanceof MustWaitForName) {
        const stop = this.core.names.wait(obstacle.name, () => {
          over();
          resolve();
        });
        cancel = this.core.clock.after(obstacle.seconds * 1_000, () => {
          stop();
          this.gaveUpName = obstacle.name;
          over();
          resolve();
        });
        return;
      }
      const { transaction } = this;
      if (transaction === null) throw new Error('only a transaction waits for a lock');
      const { locks } = this.core.transactions;
      const granted = () => {
        over();
        resolve();
      };
      if (!locks.wait(transaction, obstacle, granted)) {
        over();
        this.#rollBack();
        reject(sqlErrors.deadlock());
        return;
      }
      cancel = this.core.clock.after(this.#lockWaitMs(), () => {
        locks.stopWaiting(transaction);
        over();
        reject(sqlErrors.lockWaitTimeout());
      });
    });
  }

  #lockWaitMs(): number {
    return Number(textOf(this.variable('innodb_lock_wait_timeout') ?? 50)) * 1_000;
  }
}

const NOTHING: Omit<Result, 'inTransaction'> = { rows: null, columns: [], affectedRows: 0, insertId: 0 };

function needsTransaction(statement: Statement): boolean {
  switch (statement.kind) {
    case 'insert':
    case 'update':
    case 'delete':
      return true;
    case 'select':
      return statement.lock !== 'none';
    default:
      return false;
  }
}
