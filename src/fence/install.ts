import { setTimeout as pause } from 'node:timers/promises';
import type { Connection } from 'mysql2/promise';
import { FenceNotReplicatedError } from '../errors/index.ts';
import { checkPlan, tableExists } from './check.ts';
import { makeFenceRows, makeHeartbeatRows, makeProbeRows, without } from './enrolment.ts';
import { DEFAULT_PATIENCE, type FenceCluster, type FencePatience, type FencePlan, type FenceSite } from './plan.ts';
import { CONTROL_SCHEMA, controlTables, identityTable } from './schema.ts';
import { prepare, runDdl } from './sql.ts';
import { ownTriggers } from './triggerState.ts';
import { dropTriggerSql, type FenceTrigger, fenceTriggers, type TriggerSide } from './triggers.ts';

/** What an installation did; all zero where everything was there. */
export interface FenceInstallReport {
  readonly triggersMade: number;
  /** Of an earlier configuration. */
  readonly triggersDropped: number;
  readonly fenceRowsMade: number;
  readonly heartbeatRowsMade: number;
}

const POLL_MS = 50;

/**
 * Installs the fence, or what is missing of it. The rules it keeps:
 * - DDL of the sites runs at one of them and replicates; a row is made by the place that it belongs to, so that two
 *   sites never write one key, also when an org is enrolled at the same moment.
 * - Rows come before triggers: no org is without a row when the triggers begin to ask.
 * - A trigger whose text changes is made under another name before the old one goes: the table is never open.
 */
export async function installFence(
  plan: FencePlan,
  patience: FencePatience = DEFAULT_PATIENCE,
): Promise<FenceInstallReport> {
  const places = [...plan.sites, ...plan.clusters];
  for (const { connection } of places) await prepare(connection);
  await checkPlan(plan);
  const reports = [await installSites(plan, patience)];
  for (const cluster of plan.clusters) reports.push(await installCluster(plan, cluster, patience));
  return reports.reduce(added);
}

const NOTHING: FenceInstallReport = { triggersMade: 0, triggersDropped: 0, fenceRowsMade: 0, heartbeatRowsMade: 0 };

function added(a: FenceInstallReport, b: FenceInstallReport): FenceInstallReport {
  return {
    triggersMade: a.triggersMade + b.triggersMade,
    triggersDropped: a.triggersDropped + b.triggersDropped,
    fenceRowsMade: a.fenceRowsMade + b.fenceRowsMade,
    heartbeatRowsMade: a.heartbeatRowsMade + b.heartbeatRowsMade,
  };
}

/** The sites in the order in which they take the work that is done at one of them only. */
export function sitesInOrder(sites: readonly FenceSite[]): readonly FenceSite[] {
  return [...sites].sort((a, b) => a.serverId - b.serverId);
}

/** What the triggers of the plan's sites have to know. */
export function siteSide({ sites }: Pick<FencePlan, 'sites'>): TriggerSide {
  return { kind: 'sites', places: sitesInOrder(sites).map(({ name, serverId }) => ({ name, serverId })) };
}

async function installSites(plan: FencePlan, patience: FencePatience): Promise<FenceInstallReport> {
  const [first, ...others] = sitesInOrder(plan.sites);
  if (first === undefined) return NOTHING;
  for (const statement of controlTables()) await runDdl(first.connection, first.name, statement, patience.lockAttempts);
  for (const site of others) {
    await arrival(site, 'the control schema', () => tableExists(site.connection, 'pin_probe'), patience);
  }

  let fenceRowsMade = 0;
  let heartbeatRowsMade = 0;
  for (const { name, connection } of [first, ...others]) {
    await makeProbeRows(connection, name);
    fenceRowsMade += await makeFenceRows(connection, name, plan.orgIds, 'clients');
    heartbeatRowsMade += await makeHeartbeatRows(connection, name, plan.orgIds);
  }
  // A reverse task loads nothing: the rows that it will update have to be there.
  for (const cluster of plan.clusters) {
    heartbeatRowsMade += await makeHeartbeatRows(first.connection, cluster.name, plan.orgIds);
  }
  for (const site of plan.sites) await rowsArrived(plan, site, patience);

  const wanted = plan.tables.flatMap((table) => fenceTriggers(table, siteSide(plan), plan.users));
  const { made, dropped } = await installTriggers(first.name, first.connection, wanted, patience);
  const keys = new Set(wanted.map(keyOf));
  for (const site of others) {
    const complete = async () => {
      const there = await ownTriggers(site.connection);
      return there.length === keys.size && there.every((trigger) => keys.has(keyOf(trigger)));
    };
    await arrival(site, 'the triggers', complete, patience);
  }
  return { triggersMade: made, triggersDropped: dropped, fenceRowsMade, heartbeatRowsMade };
}

async function rowsArrived(plan: FencePlan, site: FenceSite, patience: FencePatience): Promise<void> {
  for (const { name } of plan.sites) {
    const complete = async () => (await without(site.connection, 'fence', 'place', name, plan.orgIds)).length === 0;
    await arrival(site, `the fence rows of ${name}`, complete, patience);
  }
}

async function installCluster(
  plan: FencePlan,
  { name, homeRegion, connection }: FenceCluster,
  patience: FencePatience,
): Promise<FenceInstallReport> {
  for (const statement of [...controlTables(), identityTable()]) {
    await runDdl(connection, name, statement, patience.lockAttempts);
  }
  await connection.query(
    `INSERT IGNORE INTO ${CONTROL_SCHEMA}.identity (singleton, kind, name, home_region) VALUES (1, 'cluster', ?, ?)`,
    [name, homeRegion],
  );
  await makeProbeRows(connection, name);
  // An org is let in when its move makes the task, and at no other cluster: one that an endpoint leads to by mistake
  // refuses it. Rows from before that was so, which nothing has ever changed, are closed too.
  const fenceRowsMade = await makeFenceRows(connection, name, plan.orgIds, 'nobody');
  await connection.query(
    `UPDATE ${CONTROL_SCHEMA}.fence SET writer = 'nobody' WHERE place = ? AND writer = 'forward' AND epoch = 0`,
    [name],
  );
  const heartbeatRowsMade = await makeHeartbeatRows(connection, name, plan.orgIds);
  const wanted = plan.tables.flatMap((table) => fenceTriggers(table, { kind: 'cluster', name }, plan.users));
  const { made, dropped } = await installTriggers(name, connection, wanted, patience);
  return { triggersMade: made, triggersDropped: dropped, fenceRowsMade, heartbeatRowsMade };
}

async function installTriggers(
  place: string,
  connection: Connection,
  wanted: readonly FenceTrigger[],
  { lockAttempts }: FencePatience,
): Promise<{ made: number; dropped: number }> {
  const there = await ownTriggers(connection);
  const has = new Set(there.map(keyOf));
  const keep = new Set(wanted.map(keyOf));
  const missing = wanted.filter((trigger) => !has.has(keyOf(trigger)));
  const surplus = there.filter((trigger) => !keep.has(keyOf(trigger)));
  for (const trigger of missing) await runDdl(connection, place, trigger.createSql, lockAttempts);
  for (const { schema, name } of surplus) {
    await runDdl(connection, place, dropTriggerSql(schema, name), lockAttempts);
  }
  return { made: missing.length, dropped: surplus.length };
}

/** Names a trigger at a place. */
export function keyOf({ schema, name }: { readonly schema: string; readonly name: string }): string {
  return `${schema}.${name}`;
}

/** Waits until something that was defined at one site is at this one, too. Throws `FenceNotReplicatedError`. */
export async function arrival(
  site: FenceSite,
  what: string,
  there: () => Promise<boolean>,
  { replicationTimeoutMs }: FencePatience,
): Promise<void> {
  const deadlineMs = performance.now() + replicationTimeoutMs;
  while (!(await there())) {
    if (performance.now() >= deadlineMs) throw new FenceNotReplicatedError(site.name, what, replicationTimeoutMs);
    await pause(POLL_MS);
  }
}
