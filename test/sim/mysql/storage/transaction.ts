import type { Value } from '../sql/value.ts';
import type { Row, Table } from './table.ts';

export type Isolation = 'READ COMMITTED' | 'REPEATABLE READ';

/** What happened to one row, as a binlog of full rows says it. */
export interface Change {
  readonly table: Table;
  readonly before: readonly Value[] | null;
  readonly after: readonly Value[] | null;
}

/** Anything that has transactions open. */
export interface TransactionOwner {
  readonly id: number;
  readonly user: string;
}

/** A transaction: what it wrote and locked, and what it sees. */
export class Transaction {
  readonly id: number;
  readonly owner: TransactionOwner;
  readonly isolation: Isolation;
  readonly readOnly: boolean;
  readonly startedMs: number;
  readonly locks = new Set<string>();
  /** What it sees: commits up to this number. Null before its first consistent read. */
  view: number | null = null;
  readonly changes: Change[] = [];
  readonly #undo: Row[] = [];

  constructor(
    id: number,
    owner: TransactionOwner,
    options: { readonly isolation: Isolation; readonly readOnly: boolean; readonly startedMs: number },
  ) {
    this.id = id;
    this.owner = owner;
    this.isolation = options.isolation;
    this.readOnly = options.readOnly;
    this.startedMs = options.startedMs;
  }

  /** Marks where a statement begins. */
  savepoint(): { readonly undo: number; readonly changes: number } {
    return { undo: this.#undo.length, changes: this.changes.length };
  }

  /** Takes back what was written since. */
  rollBackTo(point: { readonly undo: number; readonly changes: number }): void {
    while (this.#undo.length > point.undo) this.#undo.pop()?.versions.pop();
    this.changes.length = point.changes;
  }

  /** Remembers that it put a version on the row. */
  wrote(row: Row, change: Change): void {
    this.#undo.push(row);
    this.changes.push(change);
  }

  /** Rows that it wrote. */
  touched(): ReadonlySet<Row> {
    return new Set(this.#undo);
  }
}
