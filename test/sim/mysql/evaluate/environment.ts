import type { Value } from '../sql/value.ts';
import type { LockMode } from '../storage/locks.ts';
import type { Row, Table } from '../storage/table.ts';
import type { Transaction } from '../storage/transaction.ts';

/** What a statement sees and may do at the server. */
export interface Reader {
  readonly transaction: Transaction | null;
  /** The lock that reads inside a statement that writes take by themselves: shared ones under REPEATABLE READ. */
  readonly implied: 'none' | 'share';
  /** States of a row that the statement has to look at; `locking` reads what stands there now. */
  states(row: Row, locking: boolean): readonly (readonly Value[] | null)[];
  lock(row: Row, mode: LockMode): void;
  variable(scope: 'global' | 'session', name: string): Value;
  /** Functions that tell of the session or the server. */
  call(name: string, args: readonly Value[]): Value;
  virtual(schema: string, table: string): VirtualTable | null;
  table(schema: string | null, table: string): Table;
}

/** A table that the server makes up when it is asked. */
export interface VirtualTable {
  readonly columns: readonly string[];
  rows(): readonly (readonly Value[])[];
}

/** A row of a source of a statement; null: the other side of a LEFT JOIN has none. */
export interface Cell {
  readonly values: readonly Value[] | null;
  readonly row: Row | null;
}

/** What an expression is evaluated in: the rows at hand, and those of the statement around it. */
export interface Environment {
  readonly reader: Reader;
  readonly parameters: readonly unknown[];
  readonly outer: Environment | null;
  /** One for each source, in their order; replaced while the rows are gone through. */
  cells: readonly Cell[];
  /** Rows of the group at hand, where there is one. */
  group: readonly (readonly Cell[])[] | null;
  /** Variables of a stored program. */
  readonly locals: Map<string, Value> | null;
}

/** An expression ready to be evaluated. */
export type Evaluate = (environment: Environment) => Value;

/** What names mean where an expression stands. */
export interface Scope {
  readonly sources: readonly { readonly alias: string; readonly columns: readonly string[] }[];
  readonly outer: Scope | null;
  /** Names of a stored program's variables. */
  readonly locals: ReadonlySet<string>;
}

export const NO_SCOPE: Scope = { sources: [], outer: null, locals: new Set() };
