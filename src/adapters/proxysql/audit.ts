import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Drift, ExpectedRoute, ProxyAudit } from '../../ports/routing.ts';
import type { AdminSession } from './admin.ts';
import type { RoutingConfig } from './config.ts';
import { hasRuleIds, parseComment, ruleIdsOf, rulesFor, sharingOf } from './rules.ts';
import { isRule, type RuleRow, ruleColumns, ruleRow } from './ruleText.ts';
import { lastRule } from './settling.ts';
import { isOwnFast, type SharedMembers, sharedRoutes } from './sharedRoutes.ts';

/** Rules that are read at once: a proxy may have tens of thousands, and every proxy is looked at the same time. */
const sliceRules = 1_000;

/** One of an org's own rules, as it was found. */
interface OwnRule {
  readonly comment: string | null;
  /** It is what its comment says, in every column that is ours. */
  readonly right: boolean;
}

/** What a proxy has of ours, in one look. */
interface Found {
  /** By rule_id. */
  readonly memory: ReadonlyMap<number, OwnRule>;
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
  const memory = await readOwnRules(admin, routing, expected, signal);
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
    shared: new Set([...memory.values()].flatMap(({ comment }) => (sharingOf(comment) === 'shared' ? [comment] : [])))
      .size,
    sharedDigest: createHash('sha256').update(led.join()).digest('hex').slice(0, 16),
  };
}

/** Slice by slice, of each rule only what is asked for: whole, they are most of what a controller holds in memory. */
async function readOwnRules(
  admin: AdminSession,
  routing: RoutingConfig,
  expected: ReadonlyMap<number, ExpectedRoute>,
  signal?: AbortSignal,
): Promise<Map<number, OwnRule>> {
  const orgs = new Map<number, ExpectedRoute>();
  for (const org of expected.values()) {
    if (!hasRuleIds(routing, org.slot)) continue;
    const { read, write } = ruleIdsOf(routing, org.slot);
    orgs.set(read, org).set(write, org);
  }
  const found = new Map<number, OwnRule>();
  for (let last = routing.ruleIds.from - 1, full = true; full; ) {
    const rows = await admin.rows(
      `SELECT ${ruleColumns} FROM mysql_query_rules WHERE rule_id > ${last} AND rule_id <= ${routing.ruleIds.to}
        ORDER BY rule_id LIMIT ${sliceRules}`,
      signal,
    );
    for (const row of rows) {
      const rule = ruleRow.parse(row);
      const org = orgs.get(rule.rule_id);
      found.set(rule.rule_id, { comment: rule.comment, right: org !== undefined && isRight(routing, org, rule) });
      last = rule.rule_id;
    }
    full = rows.length === sliceRules;
  }
  return found;
}

/** The rule is what its comment says, in every column that is ours. */
function isRight(routing: RoutingConfig, org: ExpectedRoute, row: RuleRow): boolean {
  const { route, comment } = parseComment(row.comment);
  if (route === null) return false;
  const { read, write } = rulesFor(routing, org, route);
  const rule = row.rule_id === read.ruleId ? read : write;
  return isRule(row, rule) && row.active === (sharingOf(comment) === 'shared' ? 0 : rule.active);
}

function orgsDrift(
  routing: RoutingConfig,
  expected: ReadonlyMap<number, ExpectedRoute>,
  moving: ReadonlySet<number>,
  { memory, shared, running }: Found,
): Drift[] {
  const found: Drift[] = [];
  for (const org of expected.values()) {
    if (!hasRuleIds(routing, org.slot)) continue;
    const { read, write } = ruleIdsOf(routing, org.slot);
    const rows = [read, write].flatMap((id) => memory.get(id) ?? []);
    const comment = rows[0]?.comment ?? null;
    const state = parseComment(rows.every((row) => row.comment === comment) ? comment : null);
    const sharing = sharingOf(state.comment);
    const tell = (kind: Drift['kind'], wanted: string, is: string) =>
      found.push({ kind, orgId: org.orgId, expected: wanted, found: is, comment });
    // An org that never was at a proxy has no rules there: others' lead it to the source.
    const route = rows.length === 0 ? 'source' : (state.route?.kind ?? 'what no comment of ours says');
    if (route !== org.side) tell('route', org.side, `${route} (${comment ?? 'no rules'})`);
    else if (rows.length > 0 && !(rows.length === 2 && rows.every(({ right }) => right))) {
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
