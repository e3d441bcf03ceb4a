import type { Expression, Select, Source } from '../sql/ast.ts';
import { keyText, order, truth, type Value } from '../sql/value.ts';
import { Table } from '../storage/table.ts';
import type { Cell, Environment, Evaluate, Scope, VirtualTable } from './environment.ts';
import { compileExpression } from './expression.ts';
import { type Access, accessTo } from './lookUp.ts';

/** A SELECT ready to be carried out. */
export interface CompiledSelect {
  readonly columns: readonly string[];
  /** Rows; not more than `enough`, where the caller needs no more. */
  run(outer: Environment, enough?: number): readonly (readonly Value[])[];
}

/** A source made ready: what its names mean, and how its rows are found. */
export interface CompiledSource {
  readonly of: Table | VirtualTable;
  readonly columns: readonly string[];
  readonly join: Source['join'];
  readonly on: Evaluate | null;
  readonly access: Access;
}

/** Makes statements ready for the tables of one server, as they are defined now. */
export class Compiler {
  readonly #resolve: (schema: string | null, table: string) => Table | VirtualTable;

  constructor(resolve: (schema: string | null, table: string) => Table | VirtualTable) {
    this.#resolve = resolve;
  }

  expression(expression: Expression, scope: Scope): Evaluate {
    return compileExpression(expression, scope, this);
  }

  table(schema: string | null, table: string): Table {
    const found = this.#resolve(schema, table);
    if (!(found instanceof Table)) throw new Error(`${table} cannot be written`);
    return found;
  }

  /** Sources of a statement, each with the rows that it has to look at. */
  sources(
    from: readonly Source[],
    where: Expression | null,
    outer: Scope | null,
  ): { sources: CompiledSource[]; scope: Scope } {
    const tables = from.map(({ schema, table }) => this.#resolve(schema, table));
    const named = tables.map((table, index) => ({
      alias: from[index]?.alias ?? '',
      columns: (table instanceof Table ? table.columns.map(({ name }) => name) : table.columns).map((name) =>
        name.toLowerCase(),
      ),
    }));
    const scope: Scope = { sources: named, outer, locals: new Set() };
    const sources = from.map((source, index): CompiledSource => {
      const of = tables[index] as Table | VirtualTable;
      return {
        of,
        columns: of instanceof Table ? of.columns.map(({ name }) => name) : of.columns,
        join: source.join,
        on: source.on === null ? null : this.expression(source.on, scope),
        access: accessTo(of, index, source, where, scope, this),
      };
    });
    return { sources, scope };
  }

  select(select: Select, outer: Scope | null): CompiledSelect {
    const first = this.#one(select, outer);
    if (select.unions.length === 0) return first;
    const all = [first, ...select.unions.map((union) => this.#one(union, outer))];
    return {
      columns: first.columns,
      run: (environment) => distinctRows(all.flatMap((one) => [...one.run(environment)])),
    };
  }

  #one(select: Select, outer: Scope | null): CompiledSelect {
    const { sources, scope } = this.sources(select.from, select.where, outer);
    const where = select.where === null ? null : this.expression(select.where, scope);
    const items = itemsOf(select, sources, scope, this);
    const byItem = (expression: Expression): Evaluate => {
      // A number, or the name of an item.
      if (expression.kind === 'literal') return items[Number(expression.value) - 1]?.evaluate as Evaluate;
      if (expression.kind === 'column' && expression.table === null) {
        const item = items.find(({ name }) => name.toLowerCase() === expression.name.toLowerCase());
        if (item !== undefined) return item.evaluate;
      }
      return this.expression(expression, scope);
    };
    const groupBy = select.groupBy.map(byItem);
    const orderBy = select.orderBy.map(({ by, descending }) => ({ by: byItem(by), sign: descending ? -1 : 1 }));
    const grouped =
      groupBy.length > 0 || select.items.some(({ expression }) => expression !== null && hasAggregate(expression));
    const limit = select.limit === null ? null : this.expression(select.limit, { ...scope, sources: [] });
    const offset = select.offset === null ? null : this.expression(select.offset, { ...scope, sources: [] });
    const plain = !grouped && orderBy.length === 0 && !select.distinct && limit === null;

    return {
      columns: items.map(({ name }) => name),
      run: (outerEnvironment, enough) => {
        const environment: Environment = {
          ...outerEnvironment,
          outer: outerEnvironment,
          cells: [],
          group: null,
          locals: null,
        };
        const combinations = combine(sources, where, environment, select.lock, plain ? enough : undefined);
        const groups = grouped ? groupsOf(combinations, groupBy, environment) : null;
        const found: { cells: readonly Cell[]; group: Environment['group'] }[] =
          groups === null
            ? combinations.map((cells) => ({ cells, group: null }))
            : groups.map((group) => ({ cells: group[0] ?? [], group }));
        const at = <T>(one: (typeof found)[number], work: () => T): T => {
          environment.cells = one.cells;
          environment.group = one.group;
          return work();
        };
        if (orderBy.length > 0) {
          const keyed = found.map((one) => ({ one, keys: at(one, () => orderBy.map(({ by }) => by(environment))) }));
          keyed.sort((a, b) => {
            for (const [index, { sign }] of orderBy.entries()) {
              const found = order(a.keys[index] ?? null, b.keys[index] ?? null);
              if (found !== 0) return found * sign;
            }
            return 0;
          });
          found.splice(0, found.length, ...keyed.map(({ one }) => one));
        }
        let rows: (readonly Value[])[] = found.map((one) =>
          at(one, () => items.map((item) => item.evaluate(environment))),
        );
        if (select.distinct) rows = [...distinctRows(rows)];
        if (limit === null) return rows;
        const from = Number(offset?.(environment) ?? 0);
        return rows.slice(from, from + Number(limit(environment)));
      },
    };
  }
}

function itemsOf(
  select: Select,
  sources: readonly CompiledSource[],
  scope: Scope,
  compiler: Compiler,
): readonly { name: string; evaluate: Evaluate }[] {
  return select.items.flatMap(({ expression, table, alias }) => {
    if (expression !== null) return [{ name: alias, evaluate: compiler.expression(expression, scope) }];
    return sources.flatMap(({ columns }, source) =>
      table !== null && scope.sources[source]?.alias !== table
        ? []
        : columns.map((name, index) => ({
            name,
            evaluate: ({ cells }: Environment) => cells[source]?.values?.[index] ?? null,
          })),
    );
  });
}

/** Every combination of the sources' rows that the conditions let through, locked where that is asked for. */
export function combine(
  sources: readonly CompiledSource[],
  where: Evaluate | null,
  environment: Environment,
  asked: Select['lock'],
  enough?: number,
): readonly (readonly Cell[])[] {
  const found: (readonly Cell[])[] = [];
  const cells: Cell[] = sources.map(() => NOTHING);
  const { reader } = environment;
  const lock = asked === 'none' ? reader.implied : asked;
  const level = (index: number): boolean => {
    const source = sources[index];
    if (source === undefined) {
      environment.cells = cells;
      if (where !== null && truth(where(environment)) !== true) return false;
      if (lock !== 'none') {
        for (const { row } of cells) if (row !== null) reader.lock(row, lock === 'share' ? 'shared' : 'exclusive');
      }
      found.push([...cells]);
      return enough !== undefined && found.length >= enough;
    }
    let matched = false;
    for (const cell of source.access(environment, cells, lock !== 'none')) {
      cells[index] = cell;
      environment.cells = cells;
      if (source.on !== null && truth(source.on(environment)) !== true) continue;
      matched = true;
      if (level(index + 1)) return true;
    }
    cells[index] = NOTHING;
    return source.join === 'left' && !matched && level(index + 1);
  };
  level(0);
  return found;
}

const NOTHING: Cell = { values: null, row: null };

function groupsOf(
  combinations: readonly (readonly Cell[])[],
  groupBy: readonly Evaluate[],
  environment: Environment,
): readonly (readonly (readonly Cell[])[])[] {
  // Without GROUP BY there is one group, also of no rows.
  if (groupBy.length === 0) return [combinations];
  const groups = new Map<string, (readonly Cell[])[]>();
  for (const cells of combinations) {
    environment.cells = cells;
    const key = keyText(groupBy.map((by) => by(environment)));
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [cells]);
    else group.push(cells);
  }
  return [...groups.values()];
}

function distinctRows(rows: readonly (readonly Value[])[]): readonly (readonly Value[])[] {
  const seen = new Map<string, readonly Value[]>();
  for (const row of rows) {
    const key = keyText(row);
    if (!seen.has(key)) seen.set(key, row);
  }
  return [...seen.values()];
}

function hasAggregate(expression: Expression): boolean {
  switch (expression.kind) {
    case 'aggregate':
      return true;
    case 'binary':
      return hasAggregate(expression.left) || hasAggregate(expression.right);
    case 'unary':
    case 'cast':
      return hasAggregate(expression.operand);
    case 'call':
      return expression.args.some(hasAggregate);
    default:
      return false;
  }
}
