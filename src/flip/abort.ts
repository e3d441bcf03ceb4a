import type { EffectRun } from '../driver/handlers.ts';
import { isTransient } from '../errors/index.ts';
import { dropViews, type FlipAttempt, placesOf } from './attempt.ts';
import type { Estate } from './estate.ts';
import type { RouteKeeper } from './routeKeeper.ts';
import { heldBy, retireBeside } from './settle.ts';
import { untilDone } from './untilDone.ts';

/** Longest wait for one fence to open (milliseconds): no client holds a lock on a closed one. */
const openTimeoutMs = 2_000;

/**
 * The serving side goes on serving. Its fence opens at every place before any route returns there; the other side is
 * given back to the task. The org has lost nothing.
 */
export async function abort(estate: Estate, attempt: FlipAttempt, keeper: RouteKeeper, run: EffectRun): Promise<void> {
  await dropViews(attempt);
  await writeDecision(estate, attempt, run);
  const { orgId, epoch, homeRegion } = attempt.owner;
  const { from, to, taskWriter } = placesOf(estate, attempt.direction, homeRegion);
  await untilDone(estate, run, 'opening the fences again', async () => {
    for (const place of to) {
      if ((await place.readFence(orgId))?.writer !== taskWriter) {
        await place.setFence(orgId, taskWriter, epoch, openTimeoutMs, run.signal);
      }
    }
    // Written even where they are open: a fence that an earlier owner asked for and gave up finds a newer epoch.
    await Promise.all(from.map((place) => place.setFence(orgId, 'clients', epoch, openTimeoutMs, run.signal)));
  });
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
  attempt.releasedAtMs = brought.atMs;
  if (brought.stragglers.length > 0)
    run.note(`still held at ${brought.stragglers.join(', ')}: retried until it answers`);
  retireBeside(estate, heldBy(attempt), run.ownership);
}

/** The decision is written where the store answers; where the commit was never sent, the org does not wait for it. */
async function writeDecision(estate: Estate, attempt: FlipAttempt, run: EffectRun): Promise<void> {
  try {
    await estate.store.decide({
      migrationId: attempt.migrationId,
      attempt: attempt.owner.attempt,
      epoch: attempt.owner.epoch,
      decision: 'abort',
      pinned: null,
    });
  } catch (error) {
    if (attempt.commitSent || !isTransient(error)) throw error;
    run.note('the store did not take the abort; released all the same, for no commit was ever sent');
  }
}
