import { z } from 'zod';
import type { RowImage } from '../binlog/rows.ts';
import { isNull, textOf } from '../binlog/values.ts';
import type { Column, SourceTable } from '../sql/columns.ts';
import { quoteName } from '../sql/connect.ts';
import { quoteText } from '../sql/literals.ts';

const single = z.strictObject({
  'filter-operator': z.enum(['eq', 'noteq', 'gte', 'lte', 'ste']),
  value: z.string(),
});
const range = z.strictObject({
  'filter-operator': z.enum(['between', 'notbetween']),
  'start-value': z.string(),
  'end-value': z.string(),
});
const nullness = z.strictObject({ 'filter-operator': z.enum(['null', 'notnull']) });
const condition = z.union([single, range, nullness]);

/** A source filter of a selection rule, as it stands in the table mappings. */
export const filterSchema = z.strictObject({
  'filter-type': z.literal('source'),
  'column-name': z.string().min(1),
  'filter-conditions': z.array(condition).min(1),
});

type Condition = z.infer<typeof condition>;
export type SourceFilter = z.infer<typeof filterSchema>;

/** Which rows of a table a task wants. Filters are ANDed, the conditions inside one ORed. */
export interface RowFilter {
  /** A column (lower case) that must equal this integer in every wanted row, where the filters say so. */
  readonly key: { readonly column: string; readonly value: string } | null;
  /** Names of the columns that the filters look at. */
  readonly columns: readonly string[];
  matches(image: RowImage, table: SourceTable): boolean;
  /** The WHERE condition of the full load; an empty string without filters. */
  toSql(): string;
}

const INTEGER = /^(?:0|-?[1-9]\d*)$/;

export function compileFilters(filters: readonly SourceFilter[]): RowFilter {
  const names = filters.map((filter) => filter['column-name'].toLowerCase());
  const indexes = new WeakMap<SourceTable, readonly number[]>();
  const indexesIn = (table: SourceTable): readonly number[] => {
    let found = indexes.get(table);
    if (found === undefined) {
      found = names.map((name) => table.columns.findIndex((column) => column.name.toLowerCase() === name));
      indexes.set(table, found);
    }
    return found;
  };
  return {
    key: keyOf(filters),
    columns: filters.map((filter) => filter['column-name']),
    matches: (image, table) => {
      const places = indexesIn(table);
      return filters.every((filter, at) => {
        const index = places[at] ?? -1;
        const column = table.columns[index];
        if (column === undefined) return false;
        const text = isNull(image, index) ? null : textOf(image, index, column);
        return filter['filter-conditions'].some((wanted) => holds(wanted, text, column));
      });
    },
    toSql: () =>
      filters
        .map((filter) => {
          const name = quoteName(filter['column-name']);
          return `(${filter['filter-conditions'].map((wanted) => conditionSql(name, wanted)).join(' OR ')})`;
        })
        .join(' AND '),
  };
}

function keyOf(filters: readonly SourceFilter[]): RowFilter['key'] {
  for (const filter of filters) {
    const [only, ...more] = filter['filter-conditions'];
    if (only === undefined || more.length > 0 || only['filter-operator'] !== 'eq') continue;
    if (INTEGER.test(only.value)) return { column: filter['column-name'].toLowerCase(), value: only.value };
  }
  return null;
}

function holds(wanted: Condition, text: string | null, column: Column): boolean {
  if (wanted['filter-operator'] === 'null') return text === null;
  if (wanted['filter-operator'] === 'notnull') return text !== null;
  if (text === null) return false;
  switch (wanted['filter-operator']) {
    case 'eq':
      return compare(text, wanted.value, column) === 0;
    case 'noteq':
      return compare(text, wanted.value, column) !== 0;
    case 'gte':
      return compare(text, wanted.value, column) >= 0;
    case 'lte':
    case 'ste':
      return compare(text, wanted.value, column) <= 0;
    case 'between':
    case 'notbetween': {
      const inside =
        compare(text, wanted['start-value'], column) >= 0 && compare(text, wanted['end-value'], column) <= 0;
      return inside === (wanted['filter-operator'] === 'between');
    }
    default:
      return false;
  }
}

/** Numbers by value, dates and strings by their text. */
function compare(text: string, value: string, column: Column): number {
  if (column.kind === 'integer' && INTEGER.test(value)) {
    const left = BigInt(text);
    const right = BigInt(value);
    return left < right ? -1 : left > right ? 1 : 0;
  }
  if (column.kind === 'integer' || column.kind === 'decimal' || column.kind === 'float') {
    return Number(text) - Number(value);
  }
  return text < value ? -1 : text > value ? 1 : 0;
}

function conditionSql(name: string, wanted: Condition): string {
  switch (wanted['filter-operator']) {
    case 'null':
      return `${name} IS NULL`;
    case 'notnull':
      return `${name} IS NOT NULL`;
    case 'between':
    case 'notbetween': {
      const not = wanted['filter-operator'] === 'notbetween' ? 'NOT ' : '';
      return `${name} ${not}BETWEEN ${quoteText(wanted['start-value'])} AND ${quoteText(wanted['end-value'])}`;
    }
    default: {
      const operator = { eq: '=', noteq: '<>', gte: '>=', lte: '<=', ste: '<=' }[wanted['filter-operator']];
      return `${name} ${operator} ${quoteText(wanted.value)}`;
    }
  }
}
