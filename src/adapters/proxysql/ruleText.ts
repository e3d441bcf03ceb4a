import { z } from 'zod';
import { literal } from './admin.ts';
import type { Rule, RulePair } from './rules.ts';

/** Columns of a rule as they are written and read back, in one order. */
export const ruleColumns =
  'rule_id, active, username, schemaname, match_digest, match_pattern, destination_hostgroup, apply, comment';

/** A rule as it is read back by these columns. */
export const ruleRow = z.object({
  rule_id: z.coerce.number(),
  active: z.coerce.number(),
  username: z.string().nullable(),
  schemaname: z.string().nullable(),
  match_digest: z.string().nullable(),
  match_pattern: z.string().nullable(),
  destination_hostgroup: z.coerce.number().nullable(),
  apply: z.coerce.number(),
  comment: z.string().nullable(),
});
export type RuleRow = z.infer<typeof ruleRow>;

/** Whether a row is the rule, in every column but its comment and whether it is active. */
export function isRule(row: RuleRow, rule: Rule): boolean {
  return (
    row.rule_id === rule.ruleId &&
    row.destination_hostgroup === rule.destinationHostgroup &&
    row.username === rule.username &&
    row.schemaname === rule.schemaname &&
    row.match_digest === rule.matchDigest &&
    row.match_pattern === rule.matchPattern &&
    row.apply === 1
  );
}

/** Values of `ruleColumns`. */
export function ruleValues(rule: Rule, comment: string): string {
  return [
    rule.ruleId,
    rule.active,
    rule.username,
    rule.schemaname,
    rule.matchDigest,
    rule.matchPattern,
    rule.destinationHostgroup,
    1,
    comment,
  ]
    .map(literal)
    .join(', ');
}

/** Makes both rules where neither is there and the condition holds; one statement, so that the table can be published. */
export function insertPair(pair: RulePair, comment: string, condition = '1 = 1'): string {
  const none = `NOT EXISTS (SELECT 1 FROM mysql_query_rules WHERE rule_id IN (${pair.read.ruleId}, ${pair.write.ruleId}))`;
  const selects = [pair.read, pair.write].map(
    (rule) => `SELECT ${ruleValues(rule, comment)} WHERE ${none} AND ${condition}`,
  );
  return `INSERT INTO mysql_query_rules (${ruleColumns}) ${selects.join(' UNION ALL ')}`;
}

/** Makes whichever of the two rules is missing beside the other one, which has this comment. */
export function completePair(pair: RulePair, comment: string): string {
  const ids = `${pair.read.ruleId}, ${pair.write.ruleId}`;
  const selects = [pair.read, pair.write].map(
    (rule) => `SELECT ${ruleValues(rule, comment)}
      WHERE NOT EXISTS (SELECT 1 FROM mysql_query_rules WHERE rule_id = ${rule.ruleId})
        AND EXISTS (SELECT 1 FROM mysql_query_rules WHERE rule_id IN (${ids}) AND comment = ${literal(comment)})`,
  );
  return `INSERT INTO mysql_query_rules (${ruleColumns}) ${selects.join(' UNION ALL ')}`;
}

/** Makes both rules these, from the comment that was found on them, while the condition holds. */
export function updatePair(pair: RulePair, comment: string, found: string, condition = '1 = 1'): string {
  return `UPDATE mysql_query_rules SET ${assignments(pair)}, apply = 1, comment = ${literal(comment)}
    WHERE rule_id IN (${pair.read.ruleId}, ${pair.write.ruleId}) AND comment = ${literal(found)} AND ${condition}`;
}

const columnOf = {
  active: 'active',
  username: 'username',
  schemaname: 'schemaname',
  matchPattern: 'match_pattern',
  matchDigest: 'match_digest',
  destinationHostgroup: 'destination_hostgroup',
} as const satisfies Partial<Record<keyof Rule, string>>;

/** `column = …` for every column of both rules: each gets its own. */
function assignments(pair: RulePair): string {
  return (Object.keys(columnOf) as (keyof typeof columnOf)[])
    .map(
      (key) =>
        `${columnOf[key]} = CASE rule_id WHEN ${pair.read.ruleId} THEN ${literal(pair.read[key])} ELSE ${literal(pair.write[key])} END`,
    )
    .join(', ');
}
