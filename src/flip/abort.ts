import type { EffectRun } from '../driver/handlers.ts';
import { isTransient } from '../errors/index.ts';
import type { Estate } from '../estate/estate.ts';
import { attemptLog, dropViews, type FlipAttempt, placesOf } from './attempt.ts';
import { openFences } from './openFences.ts';
import type { RouteKeeper } from './routeKeeper.ts';
import { heldBy, retireBeside } from './settle.ts';
import { untilDone } from './untilDone.ts';

/** Longest wait for one fence to open (milliseconds): no client holds a lock on a closed one. */
const openTimeoutMs = 2_000;
/** Longest wait for the store while the org is held and no commit was ever sent (milliseconds). */
const storePatienceMs = 300;

/**
 * The serving side goes on serving. Its fence opens at every place that takes writes before any route returns there;
 * the other side is given back to the task. The org has lost nothing.
 */
export async function abort(estate: Estate, attempt: FlipAttempt, keeper: RouteKeeper, run: EffectRun): Promise<void> {
  await dropViews(attempt);
  await writeDecision(estate, attempt, run);
  await openFences(estate, attempt, run, 'opening the fences again', reopen(estate, attempt, run), async () => {
    const brought = await keeper.bring(
      {
        migrationId: attempt.migrationId,
        owner: attempt.owner,
        step: 'abort',
        side: attempt.serving,
        holdHostgroup: attempt.holdHostgroup,
      },
      run.ownership,
    );
    writeFencesBehind(estate, attempt, keeper, run);
    attempt.releasedAtMs = brought.atMs;
    if (brought.stragglers.length > 0)
      run.note(`still held at ${brought.stragglers.join(', ')}: retried until it answers`);
  });
  retireBeside(estate, heldBy(attempt), run.ownership);
}

/**
 * Opens the serving side's fences, and gives the other side's back to the task. A fence that is open already is not
 * written before the routes return: that would wait for the very transaction that kept the drain from ending. It is
 * written behind them, in case a request to close it, given up by us or left by another owner, still waits in the queue.
 */
function reopen(estate: Estate, attempt: FlipAttempt, run: EffectRun): () => Promise<unknown> {
  const { orgId, epoch, homeRegion } = attempt.owner;
  const { from, to, taskWriter } = placesOf(estate, attempt.direction, homeRegion);
  return () =>
    Promise.all(
      [...to.map((place) => [place, taskWriter] as const), ...from.map((place) => [place, 'clients'] as const)].map(
        async ([place, writer]) => {
          if ((await place.readFence(orgId))?.writer === writer) return;
          await place.setFence(orgId, writer, epoch, openTimeoutMs, run.signal);
        },
      ),
    );
}

/**
 * Behind the routes, and at both sides: see `reopen`. With this owner's epoch in the row, a request that a former owner
 * left in the queue finds nothing to change. The next attempt ends it before it begins.
 */
function writeFencesBehind(estate: Estate, attempt: FlipAttempt, keeper: RouteKeeper, run: EffectRun): void {
  const knownUntouched = attempt.heldAtMs !== null && !attempt.fenceTouched;
  if (knownUntouched) return;
  const { orgId, epoch, homeRegion } = attempt.owner;
  const { from, to, taskWriter } = placesOf(estate, attempt.direction, homeRegion);
  for (const [places, writer] of [[from, 'clients'] as const, [to, taskWriter] as const]) {
    for (const place of places) {
      keeper.beside(attempt.migrationId, run.ownership, (signal) =>
        untilDone(estate, { ...run, signal, waitsFor: () => {} }, `the fence of ${place.name}`, () =>
          place.setFence(orgId, writer, epoch, openTimeoutMs, signal),
        ),
      );
    }
  }
}

/**
 * The decision is written where the store answers soon; where the commit was never sent, the org does not wait for it.
 * A decision that lands later says the same.
 */
async function writeDecision(estate: Estate, attempt: FlipAttempt, run: EffectRun): Promise<void> {
  const decided = estate.store.decide({
    migrationId: attempt.migrationId,
    attempt: attempt.owner.attempt,
    epoch: attempt.owner.epoch,
    decision: 'abort',
    pinned: null,
  });
  const answered = new AbortController();
  const patience = estate.clock.sleep(storePatienceMs, answered.signal).then(
    () => 'late' as const,
    () => 'answered' as const,
  );
  try {
    if (attempt.commitSent) await decided;
    else if ((await Promise.race([decided, patience])) === 'late') {
      decided.catch((error: unknown) => {
        attemptLog(estate, attempt).warn({ err: error }, 'an abort was not written to the store');
      });
      run.note(releasedAllTheSame);
    }
  } catch (error) {
    if (attempt.commitSent || !isTransient(error)) throw error;
    run.note(releasedAllTheSame);
  } finally {
    answered.abort(new Error('no longer waited for'));
  }
}

const releasedAllTheSame = 'the store did not take the abort; released all the same, for no commit was ever sent';
