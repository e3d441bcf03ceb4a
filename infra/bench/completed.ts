import { initialTransition } from 'xstate';
import type { RoutingConfig } from '../../src/adapters/proxysql/config.ts';
import { createProxy } from '../../src/adapters/proxysql/proxy.ts';
import { commentFor, rulesFor } from '../../src/adapters/proxysql/rules.ts';
import { openPool, type StoreConfig } from '../../src/adapters/store/connection.ts';
import { createStore } from '../../src/adapters/store/store.ts';
import { policySchema } from '../../src/config/index.ts';
import type { ProxyRow } from '../../src/ports/routing.ts';
import { journalVersion, migrationMachine } from '../../statecharts/machine.ts';
import { pollUntil } from '../lab/databases/index.ts';
import type { LabApi } from '../lab/demo/api.ts';
import type { Lab } from '../lab/estate/lab.ts';
import { CONTROLLER_RANGES, clusterHostgroup, SOURCE_HOSTGROUPS } from '../lab/estate/proxies.ts';
import type { ProxySqlServer } from '../lab/proxysql/start.ts';

const rowsAtOnce = 500;
const startedAtMs = Date.UTC(2026, 0, 5);
/** Far above the lab's own orgs. */
export const firstOrg = 1_000_000;

const idOf = (n: number) => `m-${(startedAtMs + n).toString(36).padStart(9, '0')}-${n.toString(16).padStart(8, '0')}`;

/** Longest wait for the orgs to share their routes (milliseconds). */
const sharedWithinMs = 600_000;

/** Orgs that completed long ago, in a lab that tells orgs apart by comment and has no controller yet. */
export async function addCompleted(lab: Lab, orgs: number): Promise<void> {
  const [cluster] = lab.clusters;
  if (cluster === undefined) throw new TypeError('the lab has no cluster');
  const { host, port } = lab.control.store;
  await fillCompleted({ host, port, ...lab.storeAccount }, cluster.homeRegion, orgs);
  const routing = {
    by: lab.routing,
    template: '/* OrgID={orgId} */',
    ...CONTROLLER_RANGES,
    source: SOURCE_HOSTGROUPS,
    clusters: { [cluster.homeRegion]: { writerHostgroup: clusterHostgroup(0) } },
    longestHoldMs: 6_000,
  };
  for (const proxy of lab.proxies) await ruleCompleted(proxy, routing, cluster.homeRegion, orgs);
}

/** Waits until they have given up their own rules, at every proxy. */
export async function untilShared(api: LabApi, orgs: number, signal: AbortSignal): Promise<void> {
  await pollUntil(
    'the completed orgs to share their routes',
    async () => {
      signal.throwIfAborted();
      return (await api.fleet()).proxies.every(({ sharedOrgs }) => sharedOrgs === orgs);
    },
    { timeoutMs: sharedWithinMs, everyMs: 500 },
  );
}

/** The store has no rows of theirs, only a past. */
async function fillCompleted(config: StoreConfig, homeRegion: string, orgs: number): Promise<void> {
  const store = createStore(config);
  await store.migrate();
  await store.close();
  const pool = openPool(config);
  const connection = await pool.getConnection();
  try {
    for (let from = 0; from < orgs; from += rowsAtOnce) {
      const numbers = Array.from({ length: Math.min(rowsAtOnce, orgs - from) }, (_, index) => from + index);
      await connection.query(
        `INSERT INTO migrations (id, org_id, active_org_id, home_region, state, since_ms, created_at_ms, journal,
           revision, epoch, owner, next_seq) VALUES ?`,
        [numbers.map((n) => migrationRow(n, homeRegion))],
      );
      await connection.query(
        'INSERT INTO attempts (migration_id, attempt, epoch, direction, hold_hostgroup, started_at_ms, phases) VALUES ?',
        [numbers.map((n) => [idOf(n), 1, 2, 'forward', 30_000, startedAtMs, '[]'])],
      );
      await connection.query('INSERT INTO served VALUES ?', [
        numbers.map((n) => [firstOrg + n, 'cluster', homeRegion, idOf(n), startedAtMs]),
      ]);
      await connection.query('INSERT INTO route_slots (org_id, slot) VALUES ?', [
        numbers.map((n) => [firstOrg + n, n + 1]),
      ]);
    }
  } finally {
    connection.release();
    await pool.end();
  }
}

function migrationRow(n: number, homeRegion: string): unknown[] {
  const [id, orgId] = [idOf(n), firstOrg + n];
  const input = { migrationId: id, orgId, homeRegion, policy: policySchema.parse({}) };
  const [{ context }] = initialTransition(migrationMachine, { ...input, generationBefore: 0, attemptBefore: 0 });
  const moved = { ...context, attempt: 1, generation: 1, serving: 'cluster', verified: true, outcome: 'completed' };
  const journal = { version: journalVersion, value: 'completed', context: moved, asked: [], deadlines: {} };
  const atMs = startedAtMs + n;
  return [id, orgId, null, homeRegion, 'completed', atMs, atMs, JSON.stringify(journal), 30, 2, null, 40];
}

/** The same orgs at a proxy: each with its own rules to the cluster, as `complete` leaves them. */
export async function ruleCompleted(
  { name, host, adminPort, adminUser, adminPassword }: ProxySqlServer,
  routing: RoutingConfig,
  homeRegion: string,
  orgs: number,
): Promise<void> {
  const proxy = createProxy({ name, host, adminPort, adminUser, adminPassword }, routing);
  const rules = Array.from({ length: orgs }, (_, n) => {
    const owner = { orgId: firstOrg + n, homeRegion, slot: n + 1, epoch: 2, attempt: 1 };
    const { read, write } = rulesFor(routing, owner, { kind: 'cluster' });
    return [read, write].map(
      (rule): ProxyRow => ({
        rule_id: String(rule.ruleId),
        active: String(rule.active),
        username: rule.username,
        schemaname: rule.schemaname,
        match_digest: rule.matchDigest,
        match_pattern: rule.matchPattern,
        destination_hostgroup: String(rule.destinationHostgroup),
        apply: '1',
        comment: commentFor(owner, 'release', { kind: 'cluster' }),
      }),
    );
  }).flat();
  // Part of every table that the controller publishes: without it there would be drift.
  const sentinel: ProxyRow = {
    ...rules[0],
    rule_id: String(routing.sentinelRuleId),
    active: '1',
    username: 'bigdb_cutover_nobody',
    match_pattern: null,
    match_digest: null,
    destination_hostgroup: null,
    apply: '0',
    comment: 'bigdb-cutover sentinel: keeps fast routing on',
  };
  try {
    await proxy.adopt({ like: { rules: [...rules, sentinel], fast: [] }, before: { rules: [], fast: [] } });
  } finally {
    proxy.close();
  }
}
