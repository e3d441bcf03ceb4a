import type { Expression, Source } from '../sql/ast.ts';
import { keyText, type Value } from '../sql/value.ts';
import { coerce } from '../storage/column.ts';
import { type Row, Table } from '../storage/table.ts';
import type { Cell, Environment, Evaluate, Scope, VirtualTable } from './environment.ts';
import type { Compiler } from './select.ts';

/** The rows of a source that a statement has to look at, in states that it may match. */
export type Access = (environment: Environment, before: readonly Cell[], locking: boolean) => Iterable<Cell>;

/** By primary key where the conditions give all of it, else every row. */
export function accessTo(
  of: Table | VirtualTable,
  index: number,
  source: Source,
  where: Expression | null,
  scope: Scope,
  compiler: Compiler,
): Access {
  if (!(of instanceof Table)) return () => of.rows().map((values) => ({ values, row: null }));
  const equal = [...conjuncts(where), ...conjuncts(source.on)];
  const keys = of.primary.map((column) => equalTo(of, column, index, equal, scope, compiler));
  if (keys.length === 0 || keys.includes(null)) {
    return ({ reader }, _, locking) => cells(of.rows(), (row) => reader.states(row, locking));
  }
  const parts = keys as readonly Evaluate[];
  return (environment, before, locking) => {
    environment.cells = before;
    const key = keyFor(
      of,
      parts.map((part) => part(environment)),
    );
    const row = key === null ? undefined : of.rowAt(key);
    return row === undefined ? [] : cells([row], (one) => environment.reader.states(one, locking));
  };
}

function keyFor(table: Table, values: readonly Value[]): string | null {
  const coerced: Value[] = [];
  for (const [at, value] of values.entries()) {
    const column = table.columns[table.primary[at] ?? -1];
    if (column === undefined || value === null) return null;
    coerced.push(column.kind === 'integer' || column.kind === 'text' ? coerce(column, value) : value);
  }
  return keyText(coerced);
}

function* cells(rows: readonly Row[], states: (row: Row) => readonly (readonly Value[] | null)[]): Generator<Cell> {
  for (const row of rows) {
    for (const values of states(row)) {
      if (values !== null) yield { values, row };
    }
  }
}

/** Conditions that all have to hold. */
function conjuncts(expression: Expression | null): readonly Expression[] {
  if (expression === null) return [];
  if (expression.kind === 'binary' && expression.operator === 'AND') {
    return [...conjuncts(expression.left), ...conjuncts(expression.right)];
  }
  return [expression];
}

/** What the column has to be equal to, if that is known before the source's own rows are. */
function equalTo(
  table: Table,
  column: number,
  index: number,
  conditions: readonly Expression[],
  scope: Scope,
  compiler: Compiler,
): Evaluate | null {
  const name = table.columns[column]?.name.toLowerCase() ?? '';
  const isColumn = (expression: Expression) =>
    expression.kind === 'column' && expression.name.toLowerCase() === name && sourceOf(expression, scope) === index;
  for (const condition of conditions) {
    if (condition.kind !== 'binary' || condition.operator !== '=') continue;
    for (const [one, other] of [
      [condition.left, condition.right],
      [condition.right, condition.left],
    ] as const) {
      if (isColumn(one) && isKnownBefore(other, index, scope)) return compiler.expression(other, scope);
    }
  }
  return null;
}

function sourceOf({ table, name }: Extract<Expression, { kind: 'column' }>, scope: Scope): number {
  return scope.sources.findIndex(
    ({ alias, columns }) =>
      (table === null || alias.toLowerCase() === table.toLowerCase()) && columns.includes(name.toLowerCase()),
  );
}

/** True where the expression needs no row of this source or of one behind it. */
function isKnownBefore(expression: Expression, index: number, scope: Scope): boolean {
  const before = (inner: Expression) => isKnownBefore(inner, index, scope);
  switch (expression.kind) {
    case 'literal':
    case 'parameter':
    case 'variable':
      return true;
    case 'column': {
      const source = sourceOf(expression, scope);
      return source < 0 || source < index;
    }
    case 'call':
      return expression.args.every(before);
    case 'case':
      return (
        (expression.operand === null || before(expression.operand)) &&
        expression.whens.every(({ when, result }) => before(when) && before(result)) &&
        (expression.otherwise === null || before(expression.otherwise))
      );
    default:
      return false;
  }
}
