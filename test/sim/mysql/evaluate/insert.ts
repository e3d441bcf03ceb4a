import type { Insert } from '../sql/ast.ts';
import type { Value } from '../sql/value.ts';
import { sqlErrors } from '../sqlError.ts';
import type { Table } from '../storage/table.ts';
import { duplicateOf } from './duplicates.ts';
import type { Environment, Reader, Scope } from './environment.ts';
import { parameterValue } from './expression.ts';
import type { Compiler } from './select.ts';
import { type Assigned, assignments, change, type Run, remove, type Writer } from './write.ts';

/** DEFAULT in the place of a value; no text, or a row with that text would be taken for it. */
const byDefault = Symbol('DEFAULT');

/** Makes INSERT, INSERT IGNORE, an upsert or REPLACE ready. */
export function compileInsert(insert: Insert, compiler: Compiler): Run {
  const table = compiler.table(insert.into.schema, insert.into.table);
  const columns = insert.columns?.map((name) => table.indexOf(name)) ?? table.columns.map((_, index) => index);
  const defaults = table.columns.map((column) =>
    column.default === null
      ? null
      : compiler.expression(column.default, { sources: [], outer: null, locals: new Set() }),
  );
  const given = rowsOf(insert, compiler);
  const names = table.columns.map(({ name }) => name.toLowerCase());
  const scope: Scope = { sources: [{ alias: table.name, columns: names }], outer: null, locals: new Set() };
  const onDuplicate = assignments(insert.onDuplicate, table, scope, compiler);
  return (environment, writer) => {
    let affectedRows = 0;
    let insertId = 0;
    for (const row of given(environment)) {
      const values: Value[] = table.columns.map((_, index) => defaults[index]?.(environment) ?? null);
      for (const [at, column] of columns.entries()) {
        const value = row[at];
        if (value !== byDefault) values[column] = value ?? null;
      }
      const id = generate(table, values, writer);
      if (id !== 0 && insertId === 0) insertId = id;
      for (const [index, column] of table.columns.entries()) {
        // Left out, not null, and no default.
        if (values[index] === null && !column.nullable && !columns.includes(index))
          throw sqlErrors.noDefault(column.name);
      }
      affectedRows += insertOne(environment, writer, table, values, insert.mode, onDuplicate);
    }
    return { affectedRows, insertId };
  };
}

function generate(table: Table, values: Value[], writer: Writer): number {
  const { autoIncrement } = table;
  if (autoIncrement < 0) return 0;
  const given = values[autoIncrement] ?? null;
  if (given !== null && given !== 0) {
    table.nextId = Math.max(table.nextId, Number(given) + 1);
    return 0;
  }
  const id = writer.nextId(table);
  values[autoIncrement] = id;
  table.nextId = id + 1;
  return id;
}

type Given = readonly (Value | typeof byDefault)[];

function rowsOf(insert: Insert, compiler: Compiler): (environment: Environment) => readonly Given[] {
  const { rows } = insert;
  if ('bulk' in rows) {
    return ({ parameters }) => {
      const bulk = parameters[rows.bulk];
      if (!Array.isArray(bulk)) throw new TypeError('VALUES ? wants a list of rows');
      return bulk.map((row: unknown[]) => row.map(parameterValue));
    };
  }
  if ('kind' in rows) {
    const select = compiler.select(rows, null);
    return (environment) => select.run(environment);
  }
  const scope: Scope = { sources: [], outer: null, locals: new Set() };
  const evaluated = rows.map((row) =>
    row.map((value) => (value === 'default' ? (): typeof byDefault => byDefault : compiler.expression(value, scope))),
  );
  return (environment) => evaluated.map((row) => row.map((value) => value(environment)));
}

function insertOne(
  environment: Environment,
  writer: Writer,
  table: Table,
  values: readonly Value[],
  mode: Insert['mode'],
  onDuplicate: readonly Assigned[],
): number {
  const { reader } = environment;
  const after = table.coerced(values);
  writer.fire('INSERT', table, null, after);
  for (;;) {
    const found = duplicateOf(table, after, reader, mode === 'replace' || onDuplicate.length > 0);
    if (found === null) break;
    if (mode === 'ignore') return 0;
    if (onDuplicate.length > 0) {
      change(environment, writer, found.row, found.values, onDuplicate);
      return 2;
    }
    if (mode !== 'replace') throw sqlErrors.duplicate(found.key.replaceAll('\u0000', '-'), found.index);
    remove(reader, writer, found.row, found.values);
  }
  put(table, after, reader);
  return 1;
}

function put(table: Table, after: readonly Value[], reader: Reader): void {
  if (reader.transaction === null) throw new Error('nothing is written without a transaction');
  const row = table.makeRow(table.keyOf(after));
  reader.lock(row, 'exclusive');
  table.write(reader.transaction, row, null, after);
}
