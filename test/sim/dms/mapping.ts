import { z } from 'zod';
import type { Value } from '../mysql/sql/value.ts';

const schema = z.strictObject({
  rules: z
    .array(
      z.strictObject({
        'rule-type': z.literal('selection'),
        'rule-id': z.string(),
        'rule-name': z.string(),
        'object-locator': z.strictObject({ 'schema-name': z.string(), 'table-name': z.string() }),
        'rule-action': z.literal('include'),
        filters: z.array(
          z.strictObject({
            'filter-type': z.literal('source'),
            'column-name': z.string(),
            'filter-conditions': z
              .array(z.strictObject({ 'filter-operator': z.literal('eq'), value: z.string() }))
              .min(1),
          }),
        ),
      }),
    )
    .min(1),
});

/** A table of a task, and which of its rows it carries: filters are ANDed, the conditions of one ORed. */
export interface MappedTable {
  readonly schema: string;
  readonly table: string;
  readonly name: string;
  wants(columns: readonly string[], values: readonly Value[]): boolean;
}

export interface Mapping {
  readonly text: string;
  readonly tables: readonly MappedTable[];
  /** The org whose rows it carries. */
  readonly orgId: number;
  table(schema: string, table: string): MappedTable | undefined;
}

/** Reads table mappings as far as the product writes them; throws for anything else. */
export function parseMapping(text: string): Mapping {
  const { rules } = schema.parse(JSON.parse(text));
  const tables = rules.map(({ 'object-locator': locator, filters }): MappedTable => {
    const name = `${locator['schema-name']}.${locator['table-name']}`;
    const wanted = filters.map((filter) => ({
      column: filter['column-name'],
      values: new Set(filter['filter-conditions'].map(({ value }) => value)),
    }));
    return {
      schema: locator['schema-name'],
      table: locator['table-name'],
      name,
      wants: (columns, values) =>
        wanted.every(({ column, values: allowed }) => allowed.has(String(values[columns.indexOf(column)]))),
    };
  });
  const byName = new Map(tables.map((table) => [table.name, table]));
  return {
    text,
    tables,
    orgId: Number(rules[0]?.filters[0]?.['filter-conditions'][0]?.value),
    table: (schemaName, table) => byName.get(`${schemaName}.${table}`),
  };
}
