import { RouteConflictError, RouteReadBackError } from '../../errors/routing.ts';
import type { Pause, RouteOwner, RouteState, SettledOrg, Sharing } from '../../ports/routing.ts';
import { type AdminSession, literal } from './admin.ts';
import type { RoutingConfig } from './config.ts';
import { routesOf } from './picture.ts';
import { commentFor, parseComment, ruleIdsOf, rulesFor, settledComment, sharingOf } from './rules.ts';
import { updatePair } from './ruleText.ts';
import { sharedRoutes } from './sharedRoutes.ts';

// An org's own rules give way to a shared route, proxy by proxy:
//
//   comment of its own rules              they are   a shared route
//   step=… state=cluster                  active     does not have the org
//   step=share state=cluster              active     may have it
//   step=settle state=settled             inactive   has it
//   step=unshare state=cluster            active     may have it: on the way back
//
// Own rules come before every shared route, so that in each of these the org goes to its cluster, also in the table of a
// proxy that is half way, and behind a restart: rules and fast routing are saved and loaded together. Each change is one
// statement on condition of the whole comments, so that one that comes late finds nothing to match.

/** An admin connection on which every command waits for its turn. */
export function paced(admin: AdminSession, pause: Pause): AdminSession {
  return {
    rows: async (sql, signal) => pause().then(() => admin.rows(sql, signal)),
    write: async (sql, signal) => pause().then(() => admin.write(sql, signal)),
    close: () => admin.close(),
  };
}

/** Disk before runtime: a restart in between comes back with what is about to be published, never with less. */
export async function publish(admin: AdminSession, signal?: AbortSignal, saved: () => Promise<void> = async () => {}) {
  await admin.write('SAVE MYSQL QUERY RULES TO DISK', signal);
  await saved();
  await admin.write('LOAD MYSQL QUERY RULES TO RUNTIME', signal);
}

/** Fast routing is skipped behind a last rule with apply=1, even one that matches nothing. */
export async function putSentinel(admin: AdminSession, routing: RoutingConfig, signal?: AbortSignal): Promise<void> {
  await admin.write(
    `INSERT OR REPLACE INTO mysql_query_rules (rule_id, active, username, apply, comment)
     VALUES (${routing.sentinelRuleId}, 1, 'bigdb_cutover_nobody', 0, 'bigdb-cutover sentinel: keeps fast routing on')`,
    signal,
  );
}

/** The last rule that runs; fast routing is safe where it is the sentinel. */
export async function lastRule(admin: AdminSession, signal?: AbortSignal) {
  const [last] = await admin.rows(
    'SELECT rule_id, apply FROM runtime_mysql_query_rules WHERE rule_id = (SELECT MAX(rule_id) FROM runtime_mysql_query_rules)',
    signal,
  );
  return last ?? null;
}

export type Sharings = ReadonlyMap<number, { readonly state: RouteState; readonly sharing: Sharing }>;

/** By org, from the comments of the rules in memory. Two comments of one org are none. */
export async function readSharings(
  admin: AdminSession,
  { ruleIds }: RoutingConfig,
  signal?: AbortSignal,
): Promise<Sharings> {
  const rows = await admin.rows(
    `SELECT DISTINCT comment FROM mysql_query_rules
      WHERE rule_id BETWEEN ${ruleIds.from} AND ${ruleIds.to} AND comment LIKE 'bigdb-cutover org=%'`,
    signal,
  );
  const seen = Map.groupBy(rows, (row) => [...routesOf([row]).keys()][0] ?? -1);
  return new Map(
    [...seen].map(([orgId, [row, another]]) => {
      const state = parseComment(another === undefined ? (row?.comment ?? null) : null);
      return [orgId, { state, sharing: sharingOf(state.comment) }];
    }),
  );
}

/** Which orgs, at which proxy, and who has to be let past between two commands. */
export interface SharingWork {
  readonly admin: AdminSession;
  readonly proxy: string;
  readonly routing: RoutingConfig;
  readonly orgs: readonly SettledOrg[];
  readonly pause: Pause;
  readonly signal: AbortSignal | undefined;
}

/** Puts the shared route beside the own rules; answers with the orgs that it leads in the runtime. */
export async function shareOrgs({ orgs, signal, ...at }: SharingWork): Promise<ReadonlySet<number>> {
  const { proxy, routing } = at;
  const admin = paced(at.admin, at.pause);
  const sharings = await readSharings(admin, routing, signal);
  const fit = orgs.flatMap((org) => {
    const { state, sharing } = sharings.get(org.orgId) ?? { state: parseComment(null), sharing: 'own' };
    const atCluster = state.comment !== null && state.route?.kind === 'cluster' && state.epoch <= org.epoch;
    return atCluster && sharing !== 'shared' ? [{ org, found: state.comment ?? '' }] : [];
  });
  const resting = orgs.filter(({ orgId }) => sharings.get(orgId)?.sharing === 'shared');
  if (fit.length > 0) {
    const wanted = fit.map(({ org, found }) => ({
      org,
      found,
      comment: commentFor(org, 'share', { kind: 'cluster' }),
    }));
    await putSentinel(admin, routing, signal);
    await recomment(admin, routing, wanted, '', [], signal);
    await sharedRoutes(admin, routing).add(wanted, signal);
    await publish(admin, signal);
  }
  return whoIsLed(admin, proxy, routing, [...fit.map(({ org }) => org), ...resting], signal);
}

/** Of these orgs, those that the shared route leads to their cluster in the runtime, behind the sentinel. */
async function whoIsLed(
  admin: AdminSession,
  proxy: string,
  routing: RoutingConfig,
  orgs: readonly SettledOrg[],
  signal?: AbortSignal,
): Promise<ReadonlySet<number>> {
  const [first] = orgs;
  if (first === undefined) return new Set();
  const last = await lastRule(admin, signal);
  if (Number(last?.rule_id) !== routing.sentinelRuleId || last?.apply !== '0') {
    throw new RouteReadBackError(proxy, first.orgId, { lastRule: routing.sentinelRuleId }, last);
  }
  const { whole } = await sharedRoutes(admin, routing).read('runtime', signal);
  return new Set(orgs.filter(({ orgId, homeRegion }) => whole.get(orgId) === homeRegion).map(({ orgId }) => orgId));
}

/** Puts own rules to rest where the shared route runs and is saved; answers with the orgs whose rules rest. */
export async function settleOrgs({ orgs, signal, ...at }: SharingWork): Promise<ReadonlySet<number>> {
  const { proxy, routing } = at;
  const admin = paced(at.admin, at.pause);
  // Not what was read when it was shared: a proxy may have been started again since.
  const led = await whoIsLed(admin, proxy, routing, orgs, signal);
  const sharings = await readSharings(admin, routing, signal);
  const wanted = orgs
    .filter(({ orgId }) => led.has(orgId) && sharings.get(orgId)?.sharing === 'both')
    .map((org) => ({ org, found: commentFor(org, 'share', { kind: 'cluster' }), comment: settledComment(org) }));
  if (wanted.length > 0) {
    const shared = sharedRoutes(admin, routing);
    // The comment comes again when an org is shared anew: a command that is late must not rest what nobody leads yet.
    const conditions = wanted.map(({ org }) => shared.has(org));
    await recomment(admin, routing, wanted, 'active = 0, ', conditions, signal);
    await publish(admin, signal);
  }
  const now = await readSharings(admin, routing, signal);
  const stillLed = await whoIsLed(admin, proxy, routing, orgs, signal);
  return new Set([...stillLed].filter((orgId) => now.get(orgId)?.sharing === 'shared'));
}

/** Gives each pair of rules its next comment, where it has exactly the one that was found, while all conditions hold. */
async function recomment(
  admin: AdminSession,
  routing: RoutingConfig,
  changes: readonly { readonly org: RouteOwner; readonly found: string; readonly comment: string }[],
  also: string,
  conditions: readonly string[],
  signal?: AbortSignal,
): Promise<void> {
  const ids = changes.flatMap(({ org }) => Object.values(ruleIdsOf(routing, org.slot)));
  const rows = changes.flatMap(({ org, found, comment }) => {
    const { read, write } = ruleIdsOf(routing, org.slot);
    return [read, write].map((id) => `(${id}, ${literal(found)}, ${literal(comment)})`);
  });
  await admin.write(
    `UPDATE mysql_query_rules SET ${also}comment = (SELECT column3 FROM (VALUES ${rows.join(', ')}) WHERE column1 = rule_id)
      WHERE rule_id IN (${ids.join(', ')})
        AND EXISTS (SELECT 1 FROM (VALUES ${rows.join(', ')}) WHERE column1 = rule_id AND column2 = comment)${conditions.map((each) => ` AND ${each}`).join('')}`,
    signal,
  );
}

/**
 * Gives an org its own rules back and takes it out of the shared route. Answers with the comment that the rules have
 * then. `readBack` looks whether the own rules run: only behind that the shared route may go.
 */
export async function giveOwnRules(
  admin: AdminSession,
  proxy: string,
  routing: RoutingConfig,
  owner: RouteOwner,
  expected: string,
  readBack: (comment: string) => Promise<void>,
  signal?: AbortSignal,
): Promise<string> {
  const pair = rulesFor(routing, owner, { kind: 'cluster' });
  const comment = commentFor(owner, 'unshare', { kind: 'cluster' });
  const ids = `rule_id IN (${pair.read.ruleId}, ${pair.write.ruleId})`;
  const changed = await admin.write(updatePair(pair, comment, expected), signal);
  if (changed !== 2) {
    const rows = await admin.rows(`SELECT DISTINCT comment FROM mysql_query_rules WHERE ${ids}`, signal);
    const found = rows.map((row) => row.comment).join(' | ');
    if (found !== comment) throw new RouteConflictError(proxy, owner.orgId, expected, found);
  }
  await publish(admin, signal);
  await readBack(comment);
  const shared = sharedRoutes(admin, routing);
  await shared.remove(owner.orgId, comment, signal);
  await publish(admin, signal);
  if ((await shared.read('runtime', signal)).any.has(owner.orgId)) {
    throw new RouteReadBackError(proxy, owner.orgId, 'no shared route has it', 'it is in a shared route');
  }
  return comment;
}
