import { createHash } from 'node:crypto';
import { escapeRegex, hostgroupsOf, type RoutingConfig } from './config.ts';
import { plainRead, type Rule, type RulePair, sharedPairs } from './rules.ts';

/** Rule ids of the shared pair with this number, counted down from the end of the range; null where there are no more. */
export function sharedRuleIds(config: RoutingConfig, pair: number): { read: number; write: number } | null {
  if (pair < 1 || pair > sharedPairs(config)) return null;
  const write = config.ruleIds.to - 2 * (pair - 1);
  return { read: write - 1, write };
}

/** What is in the pattern besides orgs: no org's number, and every number stands between two bars. */
const nobody = 'x';

/** Matches the annotations of these orgs, at the very start of a statement. */
export function alternationOf(config: RoutingConfig, orgs: readonly number[]): string {
  const [before = '', after = ''] = config.template.split('{orgId}').map(escapeRegex);
  return `^\\s*${before}(?:${[nobody, ...orgs, nobody].join('|')})${after}`;
}

/** The orgs of such a pattern; null where it is not one of ours. */
export function orgsOfAlternation(config: RoutingConfig, pattern: string): readonly number[] | null {
  const found = /\(\?:x((?:\|\d+)*)\|x\)/.exec(pattern)?.[1];
  if (found === undefined) return null;
  const orgs = found.split('|').slice(1).map(Number);
  return alternationOf(config, orgs) === pattern ? orgs : null;
}

/** Condition on a shared rule that its pattern has the org. */
export function alternationHas(orgId: number): string {
  return `comment LIKE 'bigdb-cutover shared %' AND instr(match_pattern, '|${orgId}|') > 0`;
}

/** A pair of shared rules, whole: everything in it follows from who is in it. */
export interface SharedPair extends RulePair {
  readonly comment: string;
}

/** The pair that leads these orgs to their cluster; nobody is led by one without orgs. */
export function sharedPair(
  config: RoutingConfig,
  place: { readonly homeRegion: string; readonly part: number; readonly ids: { read: number; write: number } },
  members: Iterable<number>,
): SharedPair {
  const orgs = [...members].sort((a, b) => a - b);
  const { writerHostgroup, readerHostgroup } = hostgroupsOf(config, 'cluster', place.homeRegion);
  const common = { username: null, schemaname: null, matchPattern: alternationOf(config, orgs) };
  const on = orgs.length > 0 ? 1 : 0;
  const read: Rule = {
    ...common,
    ruleId: place.ids.read,
    active: readerHostgroup === undefined ? 0 : on,
    matchDigest: plainRead,
    destinationHostgroup: readerHostgroup ?? writerHostgroup,
  };
  const write: Rule = {
    ...common,
    ruleId: place.ids.write,
    active: on,
    matchDigest: null,
    destinationHostgroup: writerHostgroup,
  };
  const digest = createHash('sha256').update(orgs.join()).digest('hex').slice(0, 16);
  const comment = `bigdb-cutover shared region=${place.homeRegion} part=${place.part} orgs=${orgs.length} digest=${digest}`;
  return { read, write, comment };
}
