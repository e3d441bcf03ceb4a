import { z } from 'zod';
import type { OrgMatch } from '../config.ts';

const number = z.coerce.number().nullable();
const text = z.string().nullable();

/** A rule of somebody else, in the columns that say what it catches and what it does. */
export const foreignRule = z.object({
  rule_id: z.coerce.number(),
  username: text,
  schemaname: text,
  flagIN: z.coerce.number(),
  digest: text,
  match_digest: text,
  match_pattern: text,
  negate_match_pattern: z.coerce.number(),
  re_modifiers: text,
  flagOUT: number,
  destination_hostgroup: number,
  cache_ttl: number,
  error_msg: text,
  OK_msg: text,
  next_query_flagIN: number,
  apply: z.coerce.number(),
  comment: text,
});
export type ForeignRule = z.infer<typeof foreignRule>;
export const foreignRuleColumns = Object.keys(foreignRule.shape).join(', ');

/** A statement as a client sends it and as its digest has it. */
export interface SampleStatement {
  readonly sql: string;
  readonly digest: string;
}

/** Whether a rule catches a statement: `perhaps` where that cannot be told without the proxy. */
export type Catches = 'yes' | 'no' | 'perhaps';

/** Whether a rule can concern the org at all. A user or schema that does not tell orgs apart may be the org's. */
export function mayConcern(rule: ForeignRule, match: OrgMatch, schemas: readonly string[]): boolean {
  if (rule.flagIN !== 0) return false;
  const user = rule.username === null || rule.username === '' || match.username === null;
  if (!user && rule.username !== match.username) return false;
  if (rule.schemaname === null || rule.schemaname === '') return true;
  return rule.schemaname === match.schemaname || (match.schemaname === null && schemas.includes(rule.schemaname));
}

/** The rule's patterns, tried on a statement. */
export function catches(rule: ForeignRule, { sql, digest }: SampleStatement): Catches {
  const answers: Catches[] = [];
  if (rule.digest !== null) answers.push('perhaps');
  for (const [pattern, on] of [
    [rule.match_digest, digest],
    [rule.match_pattern, sql],
  ] as const) {
    if (pattern === null) continue;
    const found = test(pattern, rule.re_modifiers ?? 'CASELESS', on);
    answers.push(found === 'perhaps' || rule.negate_match_pattern === 0 ? found : found === 'yes' ? 'no' : 'yes');
  }
  if (answers.includes('no')) return 'no';
  return answers.includes('perhaps') ? 'perhaps' : 'yes';
}

function test(pattern: string, modifiers: string, on: string): Catches {
  try {
    return new RegExp(pattern, /CASELESS/i.test(modifiers) ? 'is' : 's').test(on) ? 'yes' : 'no';
  } catch {
    // PCRE knows forms that JavaScript does not.
    return 'perhaps';
  }
}
