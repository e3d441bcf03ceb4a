import type { Assignment, Delete, Update } from '../sql/ast.ts';
import { order, type Value } from '../sql/value.ts';
import { sqlErrors } from '../sqlError.ts';
import { coerce } from '../storage/column.ts';
import type { Row, Table } from '../storage/table.ts';
import { duplicateOf } from './duplicates.ts';
import type { Environment, Evaluate, Reader, Scope } from './environment.ts';
import { type Compiler, combine } from './select.ts';

/** What a statement that writes answers with. */
export interface Written {
  /** Rows matched, or put there or removed. */
  readonly affectedRows: number;
  /** First number that was generated; 0 without. */
  readonly insertId: number;
}

/** Puts rows into a table, past everything that comes before; `fire` runs the triggers. */
export interface Writer {
  fire(event: 'INSERT' | 'UPDATE' | 'DELETE', table: Table, before: Values, after: Values): void;
  nextId(table: Table): number;
}

type Values = readonly Value[] | null;
export type Run = (environment: Environment, writer: Writer) => Written;

export function compileUpdate(update: Update, compiler: Compiler): Run {
  const { sources, scope } = compiler.sources([sourceOf(update.table)], update.where, null);
  const where = update.where === null ? null : compiler.expression(update.where, scope);
  const table = compiler.table(update.table.schema, update.table.table);
  const set = assignments(update.set, table, scope, compiler);
  return (environment, writer) => {
    const found = combine(sources, where, environment, 'update');
    for (const [cell] of found) {
      if (cell?.row && cell.values) change(environment, writer, cell.row, cell.values, set);
    }
    return { affectedRows: found.length, insertId: 0 };
  };
}

export function compileDelete(statement: Delete, compiler: Compiler): Run {
  const { sources, scope } = compiler.sources([sourceOf(statement.from)], statement.where, null);
  const where = statement.where === null ? null : compiler.expression(statement.where, scope);
  const orderBy = statement.orderBy.map(({ by, descending }) => ({
    by: compiler.expression(by, scope),
    sign: descending ? -1 : 1,
  }));
  const limit = statement.limit === null ? null : compiler.expression(statement.limit, scope);
  return (environment, writer) => {
    const keyed = combine(sources, where, environment, 'update').map((cells) => {
      environment.cells = cells;
      return { cell: cells[0], keys: orderBy.map(({ by }) => by(environment)) };
    });
    keyed.sort((a, b) => {
      for (const [at, { sign }] of orderBy.entries()) {
        const found = order(a.keys[at] ?? null, b.keys[at] ?? null);
        if (found !== 0) return found * sign;
      }
      return 0;
    });
    const chosen = limit === null ? keyed : keyed.slice(0, Number(limit(environment)));
    for (const { cell } of chosen) {
      if (cell?.row && cell.values) remove(environment.reader, writer, cell.row, cell.values);
    }
    return { affectedRows: chosen.length, insertId: 0 };
  };
}

/** A column with what it is to become. */
export interface Assigned {
  readonly column: number;
  readonly value: Evaluate;
}

/** Assignments made ready. */
export function assignments(
  set: readonly Assignment[],
  table: Table,
  scope: Scope,
  compiler: Compiler,
): readonly Assigned[] {
  return set.map(({ column, value }) => ({ column: table.indexOf(column), value: compiler.expression(value, scope) }));
}

/** Changes one row as the assignments say; writes nothing where all stays as it is. */
export function change(
  environment: Environment,
  writer: Writer,
  row: Row,
  before: readonly Value[],
  set: readonly Assigned[],
): void {
  const { reader } = environment;
  const { table } = row;
  const values = [...before];
  // From the left: what was assigned already is what the next one reads.
  for (const { column, value } of set) {
    environment.cells = [{ values, row }];
    const definition = table.columns[column];
    if (definition !== undefined) values[column] = coerce(definition, value(environment));
  }
  writer.fire('UPDATE', table, before, values);
  if (reader.transaction === null) throw new Error('nothing is written without a transaction');
  if (values.every((value, at) => same(value, before[at] ?? null))) return;
  if (table.keyOf(values) !== row.key) throw new Error(`the primary key of a row of ${table.name} would change`);
  refuseDuplicates(table, values, before, row, reader);
  table.write(reader.transaction, row, before, values);
}

function refuseDuplicates(
  table: Table,
  values: readonly Value[],
  before: readonly Value[],
  row: Row,
  reader: Reader,
): void {
  for (const { columns } of table.unique) {
    if (columns.every((column) => same(values[column] ?? null, before[column] ?? null))) continue;
    const other = duplicateOf(table, values, reader, false, row);
    if (other !== null) throw sqlErrors.duplicate(other.key, other.index);
  }
}

export function remove(reader: Reader, writer: Writer, row: Row, before: readonly Value[]): void {
  writer.fire('DELETE', row.table, before, null);
  if (reader.transaction === null) throw new Error('nothing is written without a transaction');
  row.table.write(reader.transaction, row, before, null);
}

function same(a: Value, b: Value): boolean {
  return a === b || (Buffer.isBuffer(a) && Buffer.isBuffer(b) && a.equals(b));
}

function sourceOf({ schema, table }: { schema: string | null; table: string }) {
  return { schema, table, alias: table, join: 'inner' as const, on: null };
}
