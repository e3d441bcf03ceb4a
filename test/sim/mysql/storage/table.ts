import type { ColumnDefinition, CreateTable } from '../sql/ast.ts';
import { compare, keyText, order, type Value } from '../sql/value.ts';
import { sqlErrors } from '../sqlError.ts';
import { type Column, coerce, columnOf } from './column.ts';
import type { Transaction } from './transaction.ts';

/** One state of a row; null values: it is deleted. */
export interface Version {
  readonly values: readonly Value[] | null;
  /** Null once it is committed. */
  writer: Transaction | null;
  /** Number of the commit. */
  committed: number;
}

/** A row with its states, the newest last. */
export interface Row {
  readonly key: string;
  readonly table: Table;
  versions: Version[];
}

export interface UniqueKey {
  readonly name: string;
  readonly columns: readonly number[];
}

/** A table: rows by primary key, in states that each transaction sees its own way. */
export class Table {
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly Column[];
  readonly primary: readonly number[];
  readonly unique: readonly UniqueKey[];
  readonly autoIncrement: number;
  /** The lowest number that was not given yet. */
  nextId = 1;
  readonly #definition: CreateTable;
  readonly #rows = new Map<string, Row>();
  readonly #unique: readonly Map<string, Set<Row>>[];
  readonly #byName = new Map<string, number>();
  #sorted: readonly Row[] | null = null;

  constructor(schema: string, definition: CreateTable) {
    this.schema = schema;
    this.#definition = definition;
    this.name = definition.name.table;
    this.columns = definition.columns.map(columnOf);
    for (const [index, column] of this.columns.entries()) this.#byName.set(column.name.toLowerCase(), index);
    const indexes = (names: readonly string[]) => names.map((name) => this.indexOf(name));
    this.primary = indexes(definition.primaryKey);
    this.unique = definition.unique.map(({ name, columns }) => ({ name, columns: indexes(columns) }));
    this.#unique = this.unique.map(() => new Map());
    this.autoIncrement = this.columns.findIndex((column) => column.autoIncrement);
  }

  /** The same without rows, with one more column. */
  with(column: ColumnDefinition): Table {
    return new Table(this.schema, { ...this.#definition, columns: [...this.#definition.columns, column] });
  }

  get fullName(): string {
    return `${this.schema}.${this.name}`;
  }

  findColumn(name: string): number | undefined {
    return this.#byName.get(name.toLowerCase());
  }

  indexOf(name: string): number {
    const index = this.findColumn(name);
    if (index === undefined) throw sqlErrors.noColumn(name);
    return index;
  }

  /** Every row that anybody may see, by primary key. */
  rows(): readonly Row[] {
    this.#sorted ??= [...this.#rows.values()].sort((a, b) => this.#order(a, b));
    return this.#sorted;
  }

  rowAt(key: string): Row | undefined {
    return this.#rows.get(key);
  }

  keyOf(values: readonly Value[]): string {
    return keyText(this.primary.map((index) => values[index] ?? null));
  }

  /** Rows that have or had this value in a unique key. */
  rowsWithUnique(unique: number, key: string): ReadonlySet<Row> {
    return this.#unique[unique]?.get(key) ?? new Set();
  }

  /** The row at the key, made without any state where there is none. */
  makeRow(key: string): Row {
    const found = this.#rows.get(key);
    if (found !== undefined) return found;
    const row: Row = { key, table: this, versions: [] };
    this.#rows.set(key, row);
    this.#sorted = null;
    return row;
  }

  /** Puts a new state on the row. */
  write(transaction: Transaction, row: Row, before: readonly Value[] | null, after: readonly Value[] | null): void {
    row.versions.push({ values: after, writer: transaction, committed: Number.POSITIVE_INFINITY });
    transaction.wrote(row, { table: this, before, after });
    if (after === null) return;
    for (const [index, unique] of this.unique.entries()) {
      const values = unique.columns.map((column) => after[column] ?? null);
      if (values.includes(null)) continue;
      const key = keyText(values);
      const rows = this.#unique[index]?.get(key);
      if (rows === undefined) this.#unique[index]?.set(key, new Set([row]));
      else rows.add(row);
    }
  }

  /** Forgets states that nobody sees any more, and the row itself when nothing is left of it. */
  prune(row: Row, oldestView: number): void {
    const { versions } = row;
    let seen = versions.length - 1;
    while (seen > 0) {
      const version = versions[seen] as Version;
      if (version.writer === null && version.committed <= oldestView) break;
      seen -= 1;
    }
    if (seen > 0) row.versions = versions.slice(seen);
    const [only] = row.versions;
    const gone = only === undefined || (row.versions.length === 1 && only.values === null && only.writer === null);
    if (!gone) return;
    this.#rows.delete(row.key);
    this.#sorted = null;
  }

  /** A row's values as a statement gives them, in the column's types. */
  coerced(values: readonly Value[]): readonly Value[] {
    return this.columns.map((column, index) => coerce(column, values[index] ?? null));
  }

  #order(a: Row, b: Row): number {
    const [x, y] = [a.versions.at(-1)?.values ?? null, b.versions.at(-1)?.values ?? null];
    if (x === null || y === null) return a.key < b.key ? -1 : 1;
    for (const index of this.primary) {
      const found = order(x[index] ?? null, y[index] ?? null);
      if (found !== 0) return found;
    }
    return compare(a.key, b.key) ?? 0;
  }
}

/** What a transaction sees at a moment; null: nothing. */
export function seenBy(row: Row, transaction: Transaction | null, view: number): readonly Value[] | null {
  for (let index = row.versions.length - 1; index >= 0; index -= 1) {
    const version = row.versions[index] as Version;
    if (version.writer === null ? version.committed <= view : version.writer === transaction) return version.values;
  }
  return null;
}

/** What stands there now: its own or committed; and what another transaction has put on it and not committed. */
export function currentOf(row: Row, transaction: Transaction | null): readonly (readonly Value[] | null)[] {
  const newest = row.versions.at(-1);
  if (newest === undefined) return [null];
  if (newest.writer === null || newest.writer === transaction) return [newest.values];
  return [newest.values, seenBy(row, transaction, Number.POSITIVE_INFINITY)];
}
