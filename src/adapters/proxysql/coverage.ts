import { z } from 'zod';
import type { OwnRulesNeeded, SettledOrg } from '../../ports/routing.ts';
import type { AdminSession } from './admin.ts';
import { sharedRuleIds } from './alternation.ts';
import { matchOf, namePattern, type RoutingConfig } from './config.ts';
import { type ForeignRule, foreignRule, foreignRuleColumns } from './findings/ruleMatch.ts';
import { fastKeys, isOwnFast, noSchema } from './sharedRoutes.ts';

const pairRow = z.object({ user: z.string(), schema: z.string() });
const flaggedRow = pairRow.extend({ flag: z.coerce.number() });

/**
 * Orgs for whom a shared route would not do what their own rules do, with the reason. By comment it does: the shared rule
 * matches the same statements at the same place of the table. Fast routing comes behind all rules, and knows a user only
 * in the schemas that it was told.
 */
export async function needOwnRules(
  admin: AdminSession,
  routing: RoutingConfig,
  orgs: readonly SettledOrg[],
  signal?: AbortSignal,
): Promise<OwnRulesNeeded> {
  if (routing.by === 'comment') {
    const spent = reasons(orgs, (org) =>
      sharedRuleIds(routing, org.sharedPair) === null
        ? 'routing.ruleIds has no numbers left for rules that orgs share'
        : null,
    );
    return { reasons: spent, unseen: new Set() };
  }
  const rules = await foreignRules(admin, routing, signal);
  const others = await othersRows(admin, signal);
  const seen = routing.by === 'user' ? await schemasSeen(admin, routing, signal) : new Map<string, Set<string>>();
  const bare = routing.by === 'user' ? await schemaOfBare(admin, signal) : noSchema;
  const userOf = (org: SettledOrg) => matchOf(routing, org.orgId).username;
  const unseen = orgs.filter((org) => {
    const user = userOf(org);
    return user !== null && !seen.has(user);
  });
  const found = reasons(orgs, (org) => {
    const { [org.homeRegion]: cluster } = routing.clusters;
    if (cluster?.readerHostgroup !== undefined)
      return 'its cluster has a reader hostgroup, and fast routing tells no reads';
    const keys = fastKeys(routing, org.orgId);
    if (bare !== noSchema) return `mysql-default_schema is ${bare}: where clients without a schema are is not known`;
    const match = matchOf(routing, org.orgId);
    const rule = rules.find((each) => concerns(each, match, keys));
    if (rule !== undefined) return `rule ${rule.rule_id} would decide before fast routing`;
    const taken = others.find((row) => keys.some((key) => row.user === key.username && row.schema === key.schemaname));
    const narrower = others.find((row) => match.username === null && row.schema === match.schemaname);
    if (taken ?? narrower) return 'fast routing has a row of somebody else for it';
    const elsewhere = [...(seen.get(match.username ?? '') ?? [])].filter(
      (schema) => !keys.some(({ schemaname }) => schemaname === schema),
    );
    return elsewhere.length === 0
      ? null
      : `its user was seen in ${elsewhere.join(', ')}, which fast routing would not lead`;
  });
  return { reasons: found, unseen: new Set(unseen.map(({ orgId }) => orgId)) };
}

function reasons(orgs: readonly SettledOrg[], of: (org: SettledOrg) => string | null): ReadonlyMap<number, string> {
  return new Map(
    orgs.flatMap((org): [number, string][] => {
      const reason = of(org);
      return reason === null ? [] : [[org.orgId, reason]];
    }),
  );
}

/** Others' active rules that could decide, or change the flag, before fast routing is asked. */
async function foreignRules(admin: AdminSession, routing: RoutingConfig, signal?: AbortSignal): Promise<ForeignRule[]> {
  const { from, to } = routing.ruleIds;
  const rows = await admin.rows(
    `SELECT ${foreignRuleColumns} FROM runtime_mysql_query_rules WHERE active = 1 AND flagIN = 0
        AND rule_id <> ${routing.sentinelRuleId} AND (rule_id > ${to} OR (rule_id < ${from} AND flagOUT IS NOT NULL))`,
    signal,
  );
  return rows.map((row) => foreignRule.parse(row));
}

/** Whatever its patterns are: what they catch of statements that nobody has seen yet is not known. */
function concerns(
  rule: ForeignRule,
  match: { readonly username: string | null },
  keys: readonly { readonly schemaname: string }[],
): boolean {
  const user =
    rule.username === null || rule.username === '' || match.username === null || rule.username === match.username;
  const schema =
    rule.schemaname === null || rule.schemaname === '' || keys.some((key) => key.schemaname === rule.schemaname);
  return user && schema;
}

async function othersRows(admin: AdminSession, signal?: AbortSignal) {
  const rows = await admin.rows(
    `SELECT username AS user, schemaname AS schema, flagIN AS flag FROM mysql_query_rules_fast_routing
      WHERE NOT (${isOwnFast}) UNION
     SELECT username, schemaname, flagIN FROM runtime_mysql_query_rules_fast_routing WHERE NOT (${isOwnFast})`,
    signal,
  );
  return rows.map((row) => flaggedRow.parse(row)).filter(({ flag }) => flag === 0);
}

/** The schema that connections without one are in. */
async function schemaOfBare(admin: AdminSession, signal?: AbortSignal): Promise<string> {
  const [row] = await admin.rows(
    `SELECT variable_value AS name FROM runtime_global_variables WHERE variable_name = 'mysql-default_schema'`,
    signal,
  );
  return row?.name ?? noSchema;
}

/** By user of an org: the schemas in which it was seen since the proxy counts, and is now. */
async function schemasSeen(admin: AdminSession, routing: RoutingConfig, signal?: AbortSignal) {
  const rows = await admin.rows(
    `SELECT DISTINCT username AS user, schemaname AS schema FROM stats_mysql_query_digest UNION
     SELECT DISTINCT user, db AS schema FROM stats_mysql_processlist WHERE user IS NOT NULL AND db IS NOT NULL`,
    signal,
  );
  const names = namePattern(routing);
  const seen = new Map<string, Set<string>>();
  for (const { user, schema } of rows.map((row) => pairRow.parse(row))) {
    if (names.test(user)) seen.set(user, (seen.get(user) ?? new Set()).add(schema));
  }
  return seen;
}
