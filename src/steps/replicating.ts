import type { EffectRun } from '../driver/handlers.ts';
import { runLog } from '../driver/logger.ts';
import { CutoverError, TargetNotEmptyError } from '../errors/index.ts';
import { clusterOf, type Estate } from '../estate/estate.ts';
import { assertHomeRegion } from '../estate/homeRegion.ts';
import { assertTaskHealthy } from '../estate/taskHealth.ts';
import { forwardPlan, taskRef } from '../estate/taskPlans.ts';
import type { TaskRef, TaskState } from '../ports/replication.ts';

const fenceTimeoutMs = 5_000;
/** Time between two looks at a task or at heartbeats (milliseconds). */
const lookEveryMs = 100;
/** Tasks of an org that were deleted are waited for this often (milliseconds). */
const goneEveryMs = 250;

/** Deletes every task of the org, whatever generation, and waits until none is described any more. */
export async function removeTasks(estate: Estate, run: EffectRun): Promise<void> {
  const { migration, signal } = run;
  const { replication, clock } = estate;
  const { orgId, homeRegion } = migration;
  const refs: TaskRef[] = [];
  for (let generation = migration.generationBefore + 1; generation <= migration.generation; generation++) {
    refs.push({ ...taskRef(migration, 'forward'), generation }, { ...taskRef(migration, 'reverse'), generation });
  }
  for (;;) {
    const left = await replication.tasksOf(orgId, homeRegion, signal);
    if (left.length === 0) return;
    run.waitsFor(`the deletion of ${left.join(', ')}`);
    // Each time anew: a create that was asked for twice may arrive behind the deletion, also that of a move before.
    const described = await replication.describeTasksOf(orgId, homeRegion, signal);
    const earlier = described
      .filter(({ generation }) => generation <= migration.generationBefore)
      .map(({ direction, generation }) => ({ ...taskRef(migration, direction), generation }));
    await Promise.all([...refs, ...earlier].map((ref) => replication.ensureGone(ref, signal)));
    await clock.sleep(goneEveryMs, signal);
  }
}

/** Removes what an earlier try of this migration left: the task first, then the org's rows. Rows of others are left alone and refused. */
export async function reset(estate: Estate, run: EffectRun): Promise<void> {
  const { migration, epoch, signal } = run;
  await assertHomeRegion(estate, migration, signal);
  const cluster = clusterOf(estate, migration.homeRegion);
  await removeTasks(estate, run);
  if (migration.replicationTries === 0) {
    const filled = (await cluster.counts(estate.tables, migration.orgId)).filter(({ rows }) => rows > 0);
    if (filled.length > 0) throw new TargetNotEmptyError(migration.orgId, cluster.name, filled);
    return;
  }
  await cluster.setFence(migration.orgId, 'nobody', epoch, fenceTimeoutMs, signal);
  await cluster.deleteOrgRows(estate.tables, migration.orgId, epoch, signal);
  await cluster.forgetHeartbeats(migration.orgId);
}

/** Lets the task's user write the org at the cluster, then creates the task and has its connections tested. */
export async function createTask(estate: Estate, run: EffectRun): Promise<void> {
  const { migration, epoch, signal } = run;
  await assertHomeRegion(estate, migration, signal);
  await clusterOf(estate, migration.homeRegion).setFence(migration.orgId, 'forward', epoch, fenceTimeoutMs, signal);
  await estate.replication.ensureTask(forwardPlan(estate, migration), signal);
}

/** The task was started before: it runs, or ran. */
export async function isLoading(estate: Estate, { migration }: EffectRun): Promise<boolean> {
  const state = await estate.replication.observe(taskRef(migration, 'forward'));
  return state !== null && state.status !== 'creating' && state.status !== 'ready';
}

/** Starts the task, or finds it running, and follows it until every table is loaded. */
export async function fullLoad(estate: Estate, run: EffectRun): Promise<void> {
  const { migration, signal } = run;
  const ref = taskRef(migration, 'forward');
  await estate.replication.ensureStarted(ref, null, signal);
  let stored = 0;
  await estate.replication.waitFullLoad(ref, signal, (state) => {
    run.waitsFor(`the full load: ${Math.round(state.fullLoadPercent)} %`);
    if (estate.clock.monotonicMs() - stored < lookEveryMs) return;
    stored = estate.clock.monotonicMs();
    void storeProgress(estate, run, state);
  });
  const state = await estate.replication.observe(ref);
  if (state !== null) await storeProgress(estate, run, state);
}

async function storeProgress(estate: Estate, run: EffectRun, state: TaskState): Promise<void> {
  try {
    await estate.store.putRecord(run.migration.migrationId, 'progress', state);
  } catch (error) {
    if (!(error instanceof CutoverError)) throw error;
    runLog(estate.logger, run).debug({ err: error }, 'progress could not be stored');
  }
}

/** Waits until heartbeats of every site arrive at the cluster. */
export async function catchUp(estate: Estate, run: EffectRun): Promise<void> {
  const { migration, signal } = run;
  while (!estate.heartbeats.arrived(migration.orgId)) {
    await assertTaskHealthy(estate, run);
    run.waitsFor('heartbeats of every site to arrive at the cluster');
    await estate.clock.sleep(lookEveryMs, signal);
  }
}
