import { z } from 'zod';
import { ReplicationRefusedError } from '../../errors/replication.ts';
import { pseudoOrgId, type TaskPlan } from '../../ports/replication.ts';
import type { HeartbeatTable } from './options.ts';

/** Filters of a rule are ANDed, the conditions within one filter ORed. Values are strings. */
const filterSchema = z.object({
  'filter-type': z.literal('source'),
  'column-name': z.string(),
  'filter-conditions': z.array(z.object({ 'filter-operator': z.string(), value: z.string().optional() })).min(1),
});

const ruleSchema = z.object({
  'rule-type': z.literal('selection'),
  'rule-id': z.coerce.string(),
  'rule-name': z.coerce.string(),
  'object-locator': z.object({ 'schema-name': z.string(), 'table-name': z.string() }),
  'rule-action': z.string(),
  filters: z.array(filterSchema).default([]),
});

const mappingSchema = z.object({ rules: z.array(ruleSchema) });

/** Table mappings of DMS, as far as we use them. */
export type TableMapping = z.infer<typeof mappingSchema>;
type Rule = z.infer<typeof ruleSchema>;

/** One selection rule per table: filters need exact names, and every rule has the org's filter. */
export function tableMapping(plan: TaskPlan, heartbeat: HeartbeatTable): TableMapping {
  // An org's task without its tables would be in step and lose every write.
  if (plan.tables.length === 0 && plan.ref.orgId !== pseudoOrgId) throw refused('a task needs at least one table', {});
  if (plan.heartbeatSites.length === 0) throw refused('a task needs the heartbeats of at least one place', {});
  const org = String(plan.ref.orgId);
  const rules: Rule[] = [];
  const add = (schema: string, table: string, filters: Rule['filters']) => {
    const id = String(rules.length + 1);
    rules.push({
      'rule-type': 'selection',
      'rule-id': id,
      'rule-name': id,
      'object-locator': { 'schema-name': exactName(schema), 'table-name': exactName(table) },
      'rule-action': 'include',
      filters,
    });
  };
  for (const { schema, table, orgColumn } of plan.tables) add(schema, table, [equalsAny(orgColumn, [org])]);
  // A task that carried the other side's heartbeats too would send them back to where they came from.
  add(heartbeat.schema, heartbeat.table, [
    equalsAny(heartbeat.orgColumn, [org]),
    equalsAny(heartbeat.siteColumn, plan.heartbeatSites),
  ]);
  const names = tablesOf({ rules });
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw refused(`table ${twice} is listed twice`, { table: twice });
  return { rules };
}

/** Reads a mapping that DMS echoes; null where it is not one of ours. */
export function parseTableMapping(json: string): TableMapping | null {
  try {
    return mappingSchema.parse(JSON.parse(json));
  } catch {
    return null;
  }
}

/** `schema.table` of every rule. */
export function tablesOf(mapping: TableMapping): readonly string[] {
  return mapping.rules.map(({ 'object-locator': at }) => `${at['schema-name']}.${at['table-name']}`);
}

/** True where both select the same rows, whatever the order and names of their rules. */
export function sameSelection(left: TableMapping, right: TableMapping): boolean {
  return selectionText(left) === selectionText(right);
}

function selectionText({ rules }: TableMapping): string {
  const texts = rules.map((rule) => {
    const filters = rule.filters.map((filter) => {
      const conditions = filter['filter-conditions'].map((one) => [one['filter-operator'], one.value ?? null]);
      return JSON.stringify([filter['column-name'], conditions.map((one) => JSON.stringify(one)).sort()]);
    });
    const at = rule['object-locator'];
    return JSON.stringify([at['schema-name'], at['table-name'], rule['rule-action'], filters.sort()]);
  });
  return JSON.stringify(texts.sort());
}

function equalsAny(column: string, values: readonly string[]): Rule['filters'][number] {
  return {
    'filter-type': 'source',
    'column-name': column,
    'filter-conditions': values.map((value) => ({ 'filter-operator': 'eq', value })),
  };
}

/** `%` and brackets are patterns in a locator. (`_` is one too, but matches itself, and is common in names.) */
function exactName(name: string): string {
  if (name === '' || /[%[\]]/.test(name)) {
    throw refused(`"${name}" cannot be named exactly in a table mapping`, { name });
  }
  return name;
}

function refused(message: string, details: Record<string, unknown>): ReplicationRefusedError {
  return new ReplicationRefusedError(message, { details });
}
