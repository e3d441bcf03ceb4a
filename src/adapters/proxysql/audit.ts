import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Drift, ExpectedRoute, ProxyAudit, RouteState, Sharing } from '../../ports/routing.ts';
import type { AdminSession } from './admin.ts';
import type { RoutingConfig } from './config.ts';
import { hasRuleIds, parseComment, type Rule, ruleIdsOf, rulesFor, sharingOf } from './rules.ts';
import { isRule, type RuleRow, ruleColumns, ruleRow } from './ruleText.ts';
import { lastRule } from './settling.ts';
import { isOwnFast, type SharedMembers, sharedRoutes } from './sharedRoutes.ts';

/** What a proxy has of ours, in one look. */
interface Found {
  readonly memory: readonly RuleRow[];
  readonly shared: SharedMembers;
  readonly running: SharedMembers;
}

/**
 * Compares memory, runtime and disk of one proxy with each other and with the journals. An org that moves is not judged:
 * its own steps read back what they do.
 */
export async function auditProxy(
  admin: AdminSession,
  routing: RoutingConfig,
  expected: ReadonlyMap<number, ExpectedRoute>,
  moving: ReadonlySet<number>,
  signal?: AbortSignal,
): Promise<ProxyAudit> {
  const { from, to } = routing.ruleIds;
  const own = `rule_id BETWEEN ${from} AND ${to}`;
  const memory = (await admin.rows(`SELECT ${ruleColumns} FROM mysql_query_rules WHERE ${own}`, signal)).map((row) =>
    ruleRow.parse(row),
  );
  const shared = sharedRoutes(admin, routing);
  const found: Found = {
    memory,
    shared: await shared.read('memory', signal),
    running: await shared.read('runtime', signal),
  };
  const drift = [
    ...orgsDrift(routing, expected, moving, found),
    ...(await layersDrift(admin, routing, moving, signal)),
    ...(await sentinelDrift(admin, routing, signal)),
  ];
  const led = [...found.running.whole].map(([orgId, region]) => `${orgId} ${region}`).sort();
  return {
    drift,
    shared: new Set(memory.filter(({ comment }) => sharingOf(comment) === 'shared').map(({ comment }) => comment)).size,
    sharedDigest: createHash('sha256').update(led.join()).digest('hex').slice(0, 16),
  };
}

function orgsDrift(
  routing: RoutingConfig,
  expected: ReadonlyMap<number, ExpectedRoute>,
  moving: ReadonlySet<number>,
  { memory, shared, running }: Found,
): Drift[] {
  const byId = new Map(memory.map((row) => [row.rule_id, row]));
  const found: Drift[] = [];
  for (const org of expected.values()) {
    if (!hasRuleIds(routing, org.slot)) continue;
    const { read, write } = ruleIdsOf(routing, org.slot);
    const rows = [read, write].flatMap((id) => byId.get(id) ?? []);
    const comment = rows[0]?.comment ?? null;
    const state = parseComment(rows.every((row) => row.comment === comment) ? comment : null);
    const sharing = sharingOf(state.comment);
    const tell = (kind: Drift['kind'], wanted: string, is: string) =>
      found.push({ kind, orgId: org.orgId, expected: wanted, found: is, comment });
    // An org that never was at a proxy has no rules there: others' lead it to the source.
    const route = rows.length === 0 ? 'source' : (state.route?.kind ?? 'what no comment of ours says');
    if (route !== org.side) tell('route', org.side, `${route} (${comment ?? 'no rules'})`);
    else if (rows.length > 0 && !areRight(routing, org, state, sharing, rows)) {
      tell('rules', `what "${comment}" says`, 'rules that say something else');
    }
    if (sharing === 'shared' && shared.whole.get(org.orgId) !== org.homeRegion) {
      tell('shared', `a shared route to ${org.homeRegion}`, 'none that leads it wholly');
    }
    if (sharing === 'shared' && running.whole.get(org.orgId) !== org.homeRegion) {
      tell('published', `a shared route to ${org.homeRegion} that runs`, 'none that leads it wholly');
    }
    if (sharing === 'own' && shared.any.has(org.orgId)) tell('shared', 'own rules alone', 'a shared route as well');
  }
  for (const orgId of new Set([...shared.any, ...running.any])) {
    if (!expected.has(orgId) && !moving.has(orgId)) {
      found.push({
        kind: 'shared',
        orgId,
        expected: 'no route of an org that never moved',
        found: 'a shared route',
        comment: null,
      });
    }
  }
  return found;
}

/** The two rules are what their comment says, in every column that is ours. */
function areRight(
  routing: RoutingConfig,
  org: ExpectedRoute,
  { route }: RouteState,
  sharing: Sharing,
  rows: readonly RuleRow[],
): boolean {
  if (route === null || rows.length !== 2) return false;
  const pair = rulesFor(routing, org, route);
  const same = (rule: Rule, row: RuleRow | undefined) =>
    row !== undefined && isRule(row, rule) && row.active === (sharing === 'shared' ? 0 : rule.active);
  return [pair.read, pair.write].every((rule) =>
    same(
      rule,
      rows.find((row) => row.rule_id === rule.ruleId),
    ),
  );
}

const differingRow = z.object({ comment: z.string().nullable() });

/** What memory and the two other layers do not share of ours, whichever way. */
async function layersDrift(
  admin: AdminSession,
  routing: RoutingConfig,
  moving: ReadonlySet<number>,
  signal?: AbortSignal,
): Promise<Drift[]> {
  const { ruleIds, sentinelRuleId } = routing;
  const own = `(rule_id BETWEEN ${ruleIds.from} AND ${ruleIds.to} OR rule_id = ${sentinelRuleId})`;
  const fast = 'username, schemaname, flagIN, destination_hostgroup, comment';
  const either = (one: string, other: string) =>
    `SELECT comment FROM (${one} EXCEPT ${other}) UNION SELECT comment FROM (${other} EXCEPT ${one})`;
  const rules = (table: string, where: string) => `SELECT ${ruleColumns} FROM ${table} WHERE ${own}${where}`;
  const rows = (table: string) => `SELECT ${fast} FROM ${table} WHERE ${isOwnFast}`;
  const found: Drift[] = [];
  for (const [kind, layer, active] of [
    ['published', 'runtime_', ' AND active = 1'],
    ['saved', 'disk.', ''],
  ] as const) {
    const differing = await admin.rows(
      `${either(rules('mysql_query_rules', active), rules(`${layer}mysql_query_rules`, active))} UNION
       ${either(rows('mysql_query_rules_fast_routing'), rows(`${layer}mysql_query_rules_fast_routing`))}`,
      signal,
    );
    for (const comment of differing.map((row) => differingRow.parse(row).comment ?? '')) {
      const orgId = Number(/^bigdb-cutover org=(\d+) /.exec(comment)?.[1] ?? Number.NaN);
      if (moving.has(orgId)) continue;
      found.push({
        kind,
        orgId: Number.isNaN(orgId) ? null : orgId,
        expected: kind === 'saved' ? 'memory as on disk' : 'memory as it runs',
        found: comment,
        comment: null,
      });
    }
  }
  return found;
}

async function sentinelDrift(admin: AdminSession, routing: RoutingConfig, signal?: AbortSignal): Promise<Drift[]> {
  const [ours] = await admin.rows(
    `SELECT COUNT(*) AS ours FROM mysql_query_rules WHERE rule_id BETWEEN ${routing.ruleIds.from} AND ${routing.ruleIds.to}`,
    signal,
  );
  // A proxy without rules of ours publishes nothing of ours.
  if (Number(ours?.ours ?? 0) === 0) return [];
  const last = await lastRule(admin, signal);
  if (Number(last?.rule_id) === routing.sentinelRuleId && last?.apply === '0') return [];
  return [
    {
      kind: 'sentinel',
      orgId: null,
      expected: `rule ${routing.sentinelRuleId} last, with apply=0`,
      found: last === null ? 'no rule' : `rule ${last.rule_id} with apply=${last.apply}`,
      comment: null,
    },
  ];
}
