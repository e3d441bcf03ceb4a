import { journalVersion } from '../../statecharts/machine.ts';
import { type Diagnosis, diagnose } from '../diagnosis/diagnose.ts';
import { seenValue } from '../diagnosis/observed.ts';
import { RepairBlockedError, RepairPlanChangedError } from '../errors/repair.ts';
import { clusterOf, type Estate } from '../estate/estate.ts';
import { RouteKeeper } from '../flip/routeKeeper.ts';
import type { Place } from '../ports/place.ts';
import type { RouteOwner } from '../ports/routing.ts';
import type { MigrationRow } from '../ports/store.ts';
import { planRepair, type RepairPlan, type RepairStep } from './plan.ts';

/** Who confirmed which plan, and why. */
export interface Confirmation {
  readonly planId: string;
  /** Name of this process among the controllers. */
  readonly instance: string;
  readonly actor: string;
  readonly reason: string;
  /** The side that was chosen where journal and reality contradict each other. */
  readonly serve: 'source' | 'cluster' | null;
}

/** What was done, and the proxies that were not reached: a controller goes on with them. */
export interface RepairReport {
  readonly plan: RepairPlan;
  readonly epoch: number;
  readonly stragglers: readonly string[];
}

/** Longest wait for one fence (milliseconds): a client's open transaction holds it up. */
const fenceTimeoutMs = 10_000;
/** How often this process says that it is alive (milliseconds): well inside the grace of two seconds. */
const aliveEveryMs = 500;

/**
 * Takes the migration from whoever owns it, looks again, and carries the plan out if it is still the confirmed one; then
 * lets go, so that a controller goes on. Every change carries the new epoch: whatever the former owner still sends is
 * refused. Repeating it after a crash finds less to do.
 */
export async function carryOut(estate: Estate, first: Diagnosis, confirmation: Confirmation): Promise<RepairReport> {
  const before = planRepair(first, confirmation.serve);
  assertConfirmed(before, confirmation);
  const migration = seenValue(first.journal)?.migration ?? null;
  const alive = new AbortController();
  const { store, clock } = estate;
  if (migration !== null) await store.beatController(confirmation.instance);
  const beating = migration === null ? null : keepAlive(estate, confirmation.instance, alive.signal);
  try {
    const epoch = migration === null ? newestEpoch(first) : await store.seize(confirmation.instance, migration.id);
    const diagnosis = await diagnose(estate, first.orgId, { twice: false });
    const plan = planRepair(diagnosis, confirmation.serve);
    assertConfirmed(plan, confirmation);
    if (migration !== null) {
      await store.note(migration.id, [
        {
          atMs: clock.nowMs(),
          type: 'command',
          state: migration.state,
          attempt: null,
          message: `repair by ${confirmation.actor}: ${confirmation.reason}`,
          data: { planId: plan.planId, serving: plan.serving, steps: plan.steps },
        },
      ]);
    }
    const stragglers = await runSteps(estate, { diagnosis, plan, epoch, migration });
    return { plan, epoch, stragglers };
  } finally {
    alive.abort(new Error('the repair has ended'));
    await beating;
    if (migration !== null) await store.release(confirmation.instance);
  }
}

function assertConfirmed(plan: RepairPlan, { planId }: Confirmation): void {
  if (plan.planId !== planId) throw new RepairPlanChangedError(plan.orgId, planId, plan.planId);
}

async function keepAlive({ store, clock, logger }: Estate, instance: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(aliveEveryMs, signal).catch(() => {});
    if (signal.aborted) return;
    await store
      .beatController(instance)
      .catch((error) => logger.warn({ err: error }, 'the store did not hear the repair'));
  }
}

/** The highest number that anything of the org carries: what is written with it is not refused, and refuses nobody. */
function newestEpoch({ reality }: Diagnosis): number {
  const fences = reality.places.map(({ fence }) => seenValue(fence)?.epoch ?? 0);
  const routes = reality.proxies.map(({ route }) => seenValue(route)?.memory.epoch ?? 0);
  return Math.max(1, ...fences, ...routes);
}

interface Work {
  readonly diagnosis: Diagnosis;
  readonly plan: RepairPlan;
  readonly epoch: number;
  readonly migration: MigrationRow | null;
}

async function runSteps(estate: Estate, work: Work): Promise<readonly string[]> {
  const { plan, epoch, migration } = work;
  const never = new AbortController().signal;
  let stragglers: readonly string[] = [];
  let routed = false;
  for (const step of plan.steps) {
    switch (step.do) {
      case 'abort':
        await abortAttempt(estate, work, step);
        break;
      case 'closeFence':
      case 'openFence':
        await placeNamed(estate, plan, step.place).setFence(plan.orgId, step.to, epoch, fenceTimeoutMs, never);
        break;
      case 'deleteTask':
        await deleteTask(estate, work, step, never);
        break;
      case 'route':
        // One change brings the whole fleet; what is right already is left as it is.
        if (!routed) stragglers = await bringRoutes(estate, work, never);
        routed = true;
        break;
      case 'journal':
        if (migration !== null) await waitForOperator(estate, work, migration, step.serving);
        break;
    }
  }
  return stragglers;
}

async function abortAttempt(
  estate: Estate,
  { plan, epoch, migration }: Work,
  step: Extract<RepairStep, { do: 'abort' }>,
) {
  if (migration === null) return;
  const decision = await estate.store.decide({
    migrationId: migration.id,
    attempt: step.attempt,
    epoch,
    decision: 'abort',
    pinned: null,
  });
  if (decision !== 'abort')
    throw new RepairBlockedError(plan.orgId, [`attempt ${step.attempt} was committed meanwhile`]);
}

function placeNamed(estate: Estate, plan: RepairPlan, name: string): Place {
  const place = [...estate.sites, clusterOf(estate, plan.homeRegion)].find((each) => each.name === name);
  if (place === undefined) throw new RangeError(`there is no place ${name}`);
  return place;
}

async function deleteTask(
  estate: Estate,
  { diagnosis, plan }: Work,
  step: Extract<RepairStep, { do: 'deleteTask' }>,
  signal: AbortSignal,
): Promise<void> {
  const region = diagnosis.reality.regions.find(({ homeRegion }) => homeRegion === step.homeRegion);
  const task = (region === undefined ? null : seenValue(region.tasks))?.find(({ id }) => id === step.task);
  if (task === undefined) return;
  const { direction, generation } = task;
  await estate.replication.ensureGone(
    { orgId: plan.orgId, homeRegion: step.homeRegion, direction, generation },
    signal,
  );
}

/** The org's route goes to the serving side on every proxy that answers, and what waits there is let through. */
async function bringRoutes(estate: Estate, { diagnosis, plan, epoch, migration }: Work, signal: AbortSignal) {
  const known = diagnosis.reality.proxies
    .map(({ route }) => seenValue(route)?.slot ?? null)
    .find((slot) => slot !== null);
  const slot = known ?? (await estate.store.routeSlot(plan.orgId));
  const attempts = diagnosis.reality.proxies.map(({ route }) => seenValue(route)?.memory.attempt ?? 0);
  const attempt = Math.max(migration?.journal.context.attempt ?? 0, ...attempts);
  const owner: RouteOwner = { orgId: plan.orgId, homeRegion: plan.homeRegion, slot, epoch, attempt };
  const keeper = new RouteKeeper(estate);
  const migrationId = migration?.id ?? `repair of org ${plan.orgId}`;
  const holdHostgroup = seenValue(diagnosis.journal)?.attempt?.holdHostgroup ?? null;
  try {
    return (await keeper.bring({ migrationId, owner, step: 'repair', side: plan.serving, holdHostgroup }, signal))
      .stragglers;
  } finally {
    await keeper.stop(migrationId);
  }
}

/** An operator overruled the journal: the migration waits there for what to do next, and nothing goes on by itself. */
async function waitForOperator(
  estate: Estate,
  { epoch }: Work,
  migration: MigrationRow,
  serving: 'source' | 'cluster',
): Promise<void> {
  const row = (await estate.store.get(migration.id)) ?? migration;
  const nowMs = estate.clock.nowMs();
  const reason = {
    code: 'REPAIRED',
    message: `an operator decided that the ${serving} serves the org`,
    remedy: 'Compare both sides, then go on with one of the allowed commands.',
    details: {},
  };
  await estate.store.commit({
    id: row.id,
    epoch,
    revision: row.revision,
    state: 'needsOperator',
    sinceMs: nowMs,
    ended: false,
    journal: {
      version: journalVersion,
      value: 'needsOperator',
      context: {
        ...row.journal.context,
        serving,
        reason,
        resumeAt: serving === 'source' ? 'comparingBack' : 'rollingBack',
      },
      asked: [],
      deadlines: {},
    },
    timeline: [
      {
        atMs: nowMs,
        type: 'state',
        state: 'needsOperator',
        attempt: null,
        message: reason.message,
        data: { previous: row.state },
      },
    ],
    commands: [],
  });
}
