import { z } from 'zod';
import { invalidParameter } from '../errors.ts';
import { compileFilters, filterSchema, type RowFilter } from './filter.ts';

const identifier = z.union([z.string().min(1), z.number().int()]).transform(String);

const selectionRule = z.strictObject({
  'rule-type': z.literal('selection'),
  'rule-id': identifier,
  'rule-name': identifier,
  'object-locator': z.strictObject({
    'schema-name': z.string().min(1),
    'table-name': z.string().min(1),
    'table-type': z.literal('table').optional(),
  }),
  'rule-action': z.enum(['include', 'exclude', 'explicit']),
  'load-order': z.number().int().min(0).max(2_147_483_647).optional(),
  filters: z.array(filterSchema).optional(),
});

const mappingsSchema = z.strictObject({ rules: z.array(selectionRule).min(1) });

type SelectionRule = z.infer<typeof selectionRule>;

/** A table that a task takes from its source, and which of its rows. */
export interface SelectedTable {
  readonly schema: string;
  readonly table: string;
  readonly filter: RowFilter;
  /** Higher ones load first; the service's default is 0. */
  readonly loadOrder: number;
}

/** The selection rules of a task, checked. */
export interface TableMappings {
  /** Which of the source's tables they select. */
  select(tables: readonly { schema: string; table: string }[]): SelectedTable[];
}

/** Reads and checks the TableMappings JSON; an InvalidParameterValueException says what is wrong with it. */
export function parseMappings(json: string): TableMappings {
  let document: unknown;
  try {
    document = JSON.parse(json);
  } catch (error) {
    throw invalidParameter(`Invalid table mappings document. Mapping is not valid JSON: ${String(error)}`);
  }
  const parsed = mappingsSchema.safeParse(document);
  if (!parsed.success) {
    throw invalidParameter(`Error in mapping rules. ${z.prettifyError(parsed.error)}`);
  }
  const rules = parsed.data.rules;
  check(rules);
  const compiled = rules.map((rule) => ({
    rule,
    matches: matcherOf(rule),
    filter: compileFilters(rule.filters ?? []),
  }));
  return {
    select: (tables) =>
      tables.flatMap(({ schema, table }) => {
        const fitting = compiled.filter((candidate) => candidate.matches(schema, table));
        if (fitting.some(({ rule }) => rule['rule-action'] === 'exclude')) return [];
        const first = fitting[0];
        if (first === undefined) return [];
        return [{ schema, table, filter: first.filter, loadOrder: first.rule['load-order'] ?? 0 }];
      }),
  };
}

function check(rules: readonly SelectionRule[]): void {
  for (const field of ['rule-id', 'rule-name'] as const) {
    const seen = new Set<string>();
    for (const rule of rules) {
      if (seen.has(rule[field])) throw invalidParameter(`Error in mapping rules. Duplicate ${field} ${rule[field]}`);
      seen.add(rule[field]);
    }
  }
  if (!rules.some((rule) => rule['rule-action'] !== 'exclude')) {
    throw invalidParameter('Error in mapping rules. At least one selection rule must include a table');
  }
  for (const rule of rules) {
    const { 'schema-name': schema, 'table-name': table } = rule['object-locator'];
    const wildcard = schema.includes('%') || table.includes('%');
    if (wildcard && (rule.filters?.length ?? 0) > 0) {
      throw invalidParameter(
        `Error in mapping rules. Rule with ruleId = ${rule['rule-id']} failed validation. Filters need exact schema and table names, without wildcards`,
      );
    }
    if (wildcard && rule['rule-action'] === 'explicit') {
      throw invalidParameter(
        `Error in mapping rules. Rule with ruleId = ${rule['rule-id']} failed validation. rule-action explicit needs exact names`,
      );
    }
    if (rule['rule-action'] === 'exclude' && (rule.filters?.length ?? 0) > 0) {
      throw invalidParameter(
        `Error in mapping rules. Rule with ruleId = ${rule['rule-id']} failed validation. An exclude rule takes no filters`,
      );
    }
  }
}

function matcherOf(rule: SelectionRule): (schema: string, table: string) => boolean {
  const { 'schema-name': schemaName, 'table-name': tableName } = rule['object-locator'];
  const schemaPattern = likePattern(schemaName);
  const tablePattern = likePattern(tableName);
  return (schema, table) => schemaPattern.test(schema) && tablePattern.test(table);
}

/** `%` stands for anything, all else for itself. */
function likePattern(text: string): RegExp {
  const parts = text.split('%').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('[\\s\\S]*')}$`);
}
