import type { EffectRun } from '../driver/handlers.ts';
import { FlipNotReadyError, TravelTooSlowError } from '../errors/flip.ts';
import { clusterOf, type Estate } from '../estate/estate.ts';
import { assertHomeRegion } from '../estate/homeRegion.ts';
import { assertReturnKeepsRows, assertSchemaAccepted, isAccepted, textsOf } from '../estate/schema.ts';
import { assertTaskHealthy } from '../estate/taskHealth.ts';
import { reversePlan } from '../estate/taskPlans.ts';
import type { Place } from '../ports/place.ts';
import { destinationFindings } from '../preflight/destination.ts';
import { takeErrorBaseline } from '../soaking/errorBaseline.ts';
import type { FlipAttempt } from './attempt.ts';
import { placesOf } from './attempt.ts';
import type { Attempts } from './attempts.ts';
import { assertDestinationOwned } from './destination.ts';
import { assertReadersFollow } from './readers.ts';
import type { RouteKeeper } from './routeKeeper.ts';
import type { FlipTurns } from './turns.ts';

/**
 * What the fleet's own steps take, counted into the budget: two changes of rules and one of servers on the slowest
 * proxy, a fence, a drain poll (milliseconds; measured with 1,000 rules: 27 ms for a read-back, 5 to 15 ms for a save).
 */
const fleetStepsMs = 250;

/** Longest wait for one fence to open (milliseconds). */
const openTimeoutMs = 2_000;

/** Time between two looks at a fleet that a proxy is joining, and at proxies that do not answer (milliseconds). */
const joiningEveryMs = 100;
const silentEveryMs = 200;
/** How long a way back waits for a proxy before it costs a try (milliseconds). */
const backPatienceMs = 10 * 60_000;
/** How long a way back waits for heartbeats to travel fast enough before it costs a try (milliseconds): some windows of them. */
const travelPatienceMs = 60_000;

/** All that can be done, asked or opened before anybody has to wait. Nothing of the org changes for its clients. */
export async function prepare(
  estate: Estate,
  attempts: Attempts,
  keeper: RouteKeeper,
  turns: FlipTurns,
  run: EffectRun,
): Promise<FlipAttempt> {
  const { migration } = run;
  await assertHomeRegion(estate, migration, run.signal);
  await assertTasks(estate, run);
  await assertSchema(estate, run);
  await wholeFleet(estate, run);
  const attempt = await attempts.begin(run);
  const cluster = clusterOf(estate, migration.homeRegion);
  await Promise.all([...estate.sites, cluster].map((place) => place.warmUp()));
  await assertWritable([...estate.sites, cluster]);
  await assertFences(estate, attempt, run);
  await bringAll(estate, attempt, keeper, run);
  if (attempt.direction === 'forward') {
    await estate.replication.ensureTask(reversePlan(estate, migration), run.signal);
    await assertDestinationOwned(estate, attempt, run);
    await takeErrorBaseline(estate, run);
    run.waitsFor('the way back to be proven');
    await estate.returnPath.assertProven(migration.homeRegion, run.signal);
    run.waitsFor(null);
    // Behind all that takes DMS its time, before all that must be fresh when the hold begins.
    if (await turns.wait(run)) await assertTasks(estate, run);
  }
  // From here on the attempt is one of this fleet: the store lets it commit on no other.
  attempt.fleetRevision = await wholeFleet(estate, run);
  await Promise.all(
    estate.routing.proxies.map(async (proxy) => {
      const { refusals } = await proxy.inspect(run.signal);
      if (refusals.length > 0) throw new FlipNotReadyError(`proxy ${proxy.name}: ${refusals.join('; ')}`);
      await proxy.assertClean(run.signal);
      const state = await proxy.prepare(attempt.owner, run.signal);
      if (state.comment === null || state.route?.kind !== attempt.serving) {
        throw new FlipNotReadyError(`proxy ${proxy.name} routes org ${migration.orgId} by "${state.comment}"`);
      }
      // The owner's numbers go in before the hold: a command of an earlier attempt finds nothing to match from here on.
      const comment = await proxy.setRoute(
        attempt.owner,
        'prepare',
        { kind: attempt.serving },
        state.comment,
        run.signal,
      );
      attempt.comments.set(proxy.name, comment);
    }),
  );
  if (!migration.lossAccepted) {
    await assertTravel(estate, attempt, run);
    await assertReadersFollow(estate, attempt, run);
  }
  // Asked once more, as late as it can be: what went before may have taken seconds.
  if (attempt.direction === 'forward') await assertDestinationOpen(estate, run);
  await assertSchema(estate, run);
  await assertHomeRegion(estate, migration, run.signal);
  return attempt;
}

/** Forward only over the accepted schema; back also over another one that loses no row, which the timeline then tells. */
async function assertSchema(estate: Estate, run: EffectRun): Promise<void> {
  if (run.migration.direction === 'forward') return assertSchemaAccepted(estate, run.migration);
  const look = await assertReturnKeepsRows(estate, run.migration);
  if (isAccepted(look)) return;
  const drift = [...new Set([...look.changes, ...textsOf(look.differences)])];
  run.note(`the org goes back over a schema that has changed and loses no row: ${drift.join('; ')}`, { drift });
}

/** Under an accepted loss no task may be left: it could apply something at the sites after the flip. */
async function assertTasks(estate: Estate, run: EffectRun): Promise<void> {
  const { lossAccepted, orgId, homeRegion } = run.migration;
  if (!lossAccepted) return assertTaskHealthy(estate, run);
  const left = await estate.replication.tasksOf(orgId, homeRegion, run.signal);
  if (left.length > 0) throw new FlipNotReadyError(`tasks of org ${orgId} still exist: ${left.join(', ')}`);
}

/** Reads afresh who has to be held, and waits while a proxy is being added: what it is given must not change meanwhile. */
async function wholeFleet(estate: Estate, run: EffectRun): Promise<number> {
  for (;;) {
    const { joining, revision } = await estate.routing.refresh();
    if (joining === null) return revision;
    run.waitsFor(`proxy ${joining} to be added to the fleet`);
    await estate.clock.sleep(joiningEveryMs, run.signal);
    run.waitsFor(null);
  }
}

/**
 * A proxy that an earlier attempt, or an owner before this one, left held comes back first; else no attempt could begin.
 * Until here the earlier attempt's own retries go on, and these go on when this attempt fails: a proxy that answers late
 * lets its clients through, whatever becomes of the flip.
 * The way back has patience with one that does not answer: nothing is held, and only its return or its removal from the
 * fleet helps.
 */
async function bringAll(estate: Estate, attempt: FlipAttempt, keeper: RouteKeeper, run: EffectRun): Promise<void> {
  const { migrationId, owner, serving, direction } = attempt;
  const wanted = { migrationId, owner, step: 'bring', side: serving, holdHostgroup: null };
  await keeper.bring(wanted, run.ownership);
  run.signal.throwIfAborted();
  const silent = () => [...keeper.stragglers(migrationId).keys()].join(', ');
  const untilMs = estate.clock.monotonicMs() + (direction === 'back' ? backPatienceMs : 0);
  if (direction === 'back' && silent() !== '') {
    run.note(
      `alert: the way back cannot be held at ${silent()}; it waits for an answer, or for a removal from the fleet`,
    );
  }
  while (silent() !== '' && estate.clock.monotonicMs() < untilMs) {
    run.waitsFor(`${silent()} to answer, or to be removed from the fleet`);
    await estate.clock.sleep(silentEveryMs, run.signal);
  }
  run.waitsFor(null);
  if (silent() !== '') throw new FlipNotReadyError(`proxies that do not answer: ${silent()}`);
}

/** A place that refuses writes could be neither fenced nor opened. */
async function assertWritable(places: readonly Place[]): Promise<void> {
  await Promise.all(
    places.map(async (place) => {
      if (await place.isReadOnly()) throw new FlipNotReadyError(`${place.name} is read-only`);
    }),
  );
}

/**
 * The serving side has to be open to clients, the other side to the task. A fence that is closed to everybody is what a
 * late request of an attempt before this one leaves behind: it is opened again. Anything else somebody else did.
 */
async function assertFences(estate: Estate, attempt: FlipAttempt, run: EffectRun): Promise<void> {
  const { orgId, epoch, homeRegion } = attempt.owner;
  const { from, to, taskWriter } = placesOf(estate, attempt.direction, homeRegion);
  for (const [places, wanted] of [[from, 'clients'] as const, [to, taskWriter] as const]) {
    for (const place of places) {
      const row = await place.readFence(orgId);
      if (row?.writer === wanted) continue;
      if (row?.writer !== 'nobody') {
        throw new FlipNotReadyError(`${place.name}: the fence is open to ${row?.writer ?? 'no row'}, not to ${wanted}`);
      }
      await place.setFence(orgId, wanted, epoch, openTimeoutMs, run.signal);
      run.note(`the fence of ${place.name} was closed to everybody, and is open to ${wanted} again`);
    }
  }
}

/** The cluster lets the org in from every proxy, as far as preflight can tell. */
async function assertDestinationOpen(estate: Estate, run: EffectRun): Promise<void> {
  const refusing = (await destinationFindings(estate, run.migration)).filter(({ severity }) => severity === 'refuse');
  if (refusing.length === 0) return;
  throw new FlipNotReadyError(refusing.map(({ code, message }) => `${code}: ${message}`).join('; '));
}

/** Waits for the first beats, then asks whether a marker would arrive within the budget. */
async function assertTravel(estate: Estate, attempt: FlipAttempt, run: EffectRun): Promise<void> {
  const { orgId } = attempt.owner;
  for (let looked = 0; !estate.heartbeats.arrived(orgId); looked++) {
    if (looked > 200) throw new TravelTooSlowError(orgId, null, attempt.budgetMs);
    run.waitsFor('the first heartbeats to arrive on the other side');
    await estate.clock.sleep(50, run.signal);
  }
  // A task that was resumed a moment ago, or a site that caught up: their old beats pass by.
  const patienceMs = attempt.direction === 'back' ? travelPatienceMs : 0;
  for (const startedAtMs = estate.clock.monotonicMs(); ; ) {
    // Beats that are on their way count too: nothing arrives any more where the task or a site stands still.
    const travelMs = Math.max(
      estate.heartbeats.travelP95Ms(orgId) ?? Number.POSITIVE_INFINITY,
      estate.heartbeats.lag(orgId)?.lagMs ?? 0,
    );
    if (travelMs + fleetStepsMs <= attempt.budgetMs) return run.waitsFor(null);
    if (estate.clock.monotonicMs() - startedAtMs >= patienceMs) {
      throw new TravelTooSlowError(orgId, travelMs, attempt.budgetMs);
    }
    run.waitsFor(`heartbeats to travel within the budget; lately they took ${Math.round(travelMs)} ms (p95)`);
    await estate.clock.sleep(silentEveryMs, run.signal);
  }
}
