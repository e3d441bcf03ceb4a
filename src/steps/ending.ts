import type { EffectRun } from '../driver/handlers.ts';
import { FlipNotReadyError, LagBreachedError } from '../errors/index.ts';
import { clusterOf, type Estate } from '../estate/estate.ts';
import type { RouteKeeper } from '../flip/routeKeeper.ts';
import { retireAll } from '../flip/settle.ts';
import type { RouteOwner, Side } from '../ports/routing.ts';
import { removeTasks } from './replicating.ts';

const fenceTimeoutMs = 5_000;
const lookEveryMs = 120;
/** Longest wait for the reverse task to be in step before the operator is asked (milliseconds). */
const backInStepWithinMs = 10 * 60_000;

/**
 * Waits until the reverse task is in step, with nothing held: the lag under the gate N times in a row. A cluster that
 * takes no writes is waited for: its fence could not be closed, and whoever writes there again would be lost.
 */
export async function catchUpBack(estate: Estate, run: EffectRun): Promise<{ lagMs: number }> {
  const { orgId, homeRegion, policy } = run.migration;
  const cluster = clusterOf(estate, homeRegion);
  const startedAtMs = estate.clock.monotonicMs();
  estate.reverseTasks.forget(run.migration.migrationId);
  for (let passed = 0, lastAtMs = 0; ; ) {
    const task = await estate.reverseTasks.look(run);
    const { trouble } = await estate.samples.health(cluster).get();
    const sample = estate.heartbeats.lag(orgId);
    if (task === 'resuming') {
      passed = 0;
      run.waitsFor('the reverse task to be resumed');
    } else if (trouble !== null) {
      passed = 0;
      run.waitsFor(`${cluster.name} to take writes again: ${trouble}`);
    } else if (sample !== null && sample.atMs > lastAtMs) {
      lastAtMs = sample.atMs;
      passed = sample.lagMs <= policy.lagGateMs ? passed + 1 : 0;
      if (passed >= policy.lagSamples) return { lagMs: sample.lagMs };
      run.waitsFor(`the way back to be in step; it lags by ${Math.round(sample.lagMs)} ms`);
    }
    if (estate.clock.monotonicMs() - startedAtMs > backInStepWithinMs) {
      if (trouble !== null) throw new FlipNotReadyError(`${cluster.name} takes no writes: ${trouble}`);
      throw new LagBreachedError(orgId, sample?.lagMs ?? Number.POSITIVE_INFINITY, policy.lagGateMs);
    }
    await estate.clock.sleep(lookEveryMs, run.signal);
  }
}

/** The way back ends: its task goes, the sites stay closed to everybody. */
export async function complete(estate: Estate, keeper: RouteKeeper, owner: RouteOwner, run: EffectRun): Promise<void> {
  const { migration, epoch, signal } = run;
  await bringEverywhere(estate, keeper, owner, 'cluster', run);
  await removeTasks(estate, run);
  for (const site of estate.sites) {
    await site.setFence(migration.orgId, 'nobody', epoch, fenceTimeoutMs, signal);
    await site.forgetHeartbeats(migration.orgId);
  }
  await clusterOf(estate, migration.homeRegion).forgetHeartbeats(migration.orgId);
  await retireAll(estate, run);
}

/**
 * Cancel and rollback end here, with the source serving. Rule 8: rows go only when no task that reads the cluster
 * exists any more. The rules at the proxies stay as tombstones that route nothing.
 */
export async function cleanUp(estate: Estate, keeper: RouteKeeper, owner: RouteOwner, run: EffectRun): Promise<void> {
  const { migration, epoch, signal } = run;
  await removeTasks(estate, run);
  const cluster = clusterOf(estate, migration.homeRegion);
  // Nothing was ever written there before the first task.
  if (migration.replicationTries > 0) {
    await cluster.setFence(migration.orgId, 'nobody', epoch, fenceTimeoutMs, signal);
    await cluster.deleteOrgRows(estate.tables, migration.orgId, epoch, signal);
    await cluster.forgetHeartbeats(migration.orgId);
    for (const site of estate.sites) await site.forgetHeartbeats(migration.orgId);
  }
  if (owner.attempt > 0) {
    await bringEverywhere(estate, keeper, owner, 'source', run);
    await retireAll(estate, run);
  }
}

/** A migration does not end before every proxy sends the org where it lives: afterwards nobody retries a silent one. */
async function bringEverywhere(
  estate: Estate,
  keeper: RouteKeeper,
  owner: RouteOwner,
  side: Side,
  run: EffectRun,
): Promise<void> {
  const { migrationId } = run.migration;
  await estate.routing.refresh();
  await keeper.bring({ migrationId, owner, step: 'end', side, holdHostgroup: null }, run.signal);
  await keeper.untilAllThere(migrationId, run.waitsFor, run.signal);
}
