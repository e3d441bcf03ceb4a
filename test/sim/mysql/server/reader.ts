import type { Reader, VirtualTable } from '../evaluate/environment.ts';
import { timeText } from '../evaluate/time.ts';
import { UnsupportedSql } from '../sql/unsupported.ts';
import { numberOf, textOf, type Value } from '../sql/value.ts';
import type { LockMode } from '../storage/locks.ts';
import { currentOf, type Row, seenBy, type Table } from '../storage/table.ts';
import type { Transaction } from '../storage/transaction.ts';
import type { ServerSession } from './session.ts';
import { MustWaitForName } from './sessionState.ts';

/** What one statement of a session sees. */
export class StatementReader implements Reader {
  readonly transaction: Transaction | null;
  readonly implied: 'none' | 'share';
  readonly #session: ServerSession;

  constructor(session: ServerSession, writes: boolean) {
    this.#session = session;
    this.transaction = session.transaction;
    this.implied = writes && session.isolation === 'REPEATABLE READ' ? 'share' : 'none';
  }

  states(row: Row, locking: boolean): readonly (readonly Value[] | null)[] {
    if (locking || this.implied !== 'none') return currentOf(row, this.transaction);
    return [seenBy(row, this.transaction, this.#view())];
  }

  lock(row: Row, mode: LockMode): void {
    if (this.transaction === null) throw new Error('only a transaction takes locks');
    const key = `${row.table.fullName} ${row.key}`;
    this.#session.core.transactions.locks.take(this.transaction, key, mode);
  }

  variable(scope: 'global' | 'session', name: string): Value {
    const { core } = this.#session;
    const value = scope === 'global' ? core.variables.get(name) : this.#session.variable(name);
    if (value !== undefined) return value;
    const gtids = core.gtidVariable(name);
    if (gtids === null) throw new UnsupportedSql(`@@${name}`, 'a variable');
    return gtids;
  }

  call(name: string, args: readonly Value[]): Value {
    const session = this.#session;
    const { core } = session;
    const digits = args[0] === undefined || args[0] === null ? 0 : numberOf(args[0]);
    switch (name) {
      case 'NOW':
      case 'SYSDATE':
      case 'UTC_TIMESTAMP':
        return timeText(core.clock.nowMs() * 1_000, digits);
      case 'USER':
        return `${session.user}@${session.host}`;
      // Accounts are for any host, and have no roles.
      case 'CURRENT_USER':
        return `${session.user}@%`;
      case 'CURRENT_ROLE':
        return core.options.flavour === 'mariadb' ? null : 'NONE';
      case 'CONNECTION_ID':
        return session.id;
      case 'LAST_INSERT_ID':
        if (args.length > 0) session.saidInsertId = digits;
        return args.length > 0 ? digits : session.lastInsertId;
      case 'DATABASE':
        return session.database;
      case 'VERSION':
        return core.version;
      case 'GET_LOCK':
        return this.#getLock(textOf(args[0] ?? ''), numberOf(args[1] ?? 0));
      case 'RELEASE_LOCK':
        return core.names.release(textOf(args[0] ?? ''), session.id) ? 1 : 0;
    }
    throw new UnsupportedSql(`${name}()`, 'a function');
  }

  virtual(schema: string, table: string): VirtualTable | null {
    return this.#session.core.virtual(schema, table);
  }

  table(schema: string | null, table: string): Table {
    return this.#session.core.catalog.table(schema ?? this.#session.database ?? '', table);
  }

  #getLock(name: string, seconds: number): Value {
    const session = this.#session;
    const gaveUp = session.gaveUpName === name;
    session.gaveUpName = null;
    if (session.core.names.take(name, session.id)) return 1;
    if (gaveUp || seconds === 0) return 0;
    throw new MustWaitForName(name, seconds);
  }

  /** A transaction under REPEATABLE READ keeps the view of its first consistent read. */
  #view(): number {
    const { core, transaction, isolation } = this.#session;
    const { now } = core.transactions;
    if (transaction === null || transaction.isolation !== 'REPEATABLE READ' || isolation !== 'REPEATABLE READ')
      return now;
    transaction.view ??= now;
    return transaction.view;
  }
}
