import { Locks } from '../storage/locks.ts';
import type { Row } from '../storage/table.ts';
import { type Change, type Isolation, Transaction, type TransactionOwner } from '../storage/transaction.ts';
import type { Binlog, BinlogEvent, Gtid } from './binlog.ts';

/** Begins, commits and rolls back; knows what is open. */
export class Transactions {
  readonly locks = new Locks();
  readonly #open = new Set<Transaction>();
  readonly #binlog: Binlog;
  readonly #nextGtid: () => Gtid;
  #begun = 0;
  #committed = 0;

  constructor(binlog: Binlog, nextGtid: () => Gtid) {
    this.#binlog = binlog;
    this.#nextGtid = nextGtid;
  }

  /** Number of the last commit: what a view of this moment sees up to. */
  get now(): number {
    return this.#committed;
  }

  get open(): ReadonlySet<Transaction> {
    return this.#open;
  }

  begin(owner: TransactionOwner, isolation: Isolation, startedMs: number, readOnly = false): Transaction {
    this.#begun += 1;
    const transaction = new Transaction(this.#begun, owner, { isolation, readOnly, startedMs });
    this.#open.add(transaction);
    return transaction;
  }

  /** Makes all of it seen at once, and writes it to the binlog; `gtid` is that of another server's transaction. */
  commit(transaction: Transaction, gtid?: Gtid): void {
    if (transaction.changes.length > 0) this.#publish(transaction, gtid);
    this.#end(transaction);
  }

  rollBack(transaction: Transaction): void {
    const touched = transaction.touched();
    transaction.rollBackTo({ undo: 0, changes: 0 });
    this.#end(transaction);
    this.#prune(touched);
  }

  /** Writes a definition of the schema to the binlog. */
  logDefinition(definition: NonNullable<BinlogEvent['definition']>, gtid?: Gtid): void {
    this.#binlog.append(gtid ?? this.#nextGtid(), definition.user, [], definition);
  }

  #publish(transaction: Transaction, gtid: Gtid | undefined): void {
    this.#committed += 1;
    const touched = transaction.touched();
    for (const row of touched) {
      const own = row.versions.filter((version) => version.writer === transaction);
      const last = own.at(-1);
      if (last === undefined) continue;
      last.writer = null;
      last.committed = this.#committed;
      if (own.length > 1) row.versions = row.versions.filter((version) => version.writer !== transaction);
    }
    const changes: Change[] = [...transaction.changes];
    this.#binlog.append(gtid ?? this.#nextGtid(), transaction.owner.user, changes);
    this.#prune(touched);
  }

  #prune(touched: ReadonlySet<Row>): void {
    let oldest = Number.POSITIVE_INFINITY;
    for (const { view } of this.#open) if (view !== null && view < oldest) oldest = view;
    for (const row of touched) row.table.prune(row, oldest);
  }

  #end(transaction: Transaction): void {
    this.#open.delete(transaction);
    this.locks.releaseAll(transaction);
  }
}
