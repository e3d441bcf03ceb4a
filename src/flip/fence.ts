import type { EffectRun } from '../driver/handlers.ts';
import type { Estate } from '../estate/estate.ts';
import { budgetLeftMs, type FlipAttempt, placesOf } from './attempt.ts';
import { assertStillDrained } from './drain.ts';

/** Share of what is left of the budget that a fence may wait for open transactions. */
const fenceShare = 0.6;

/**
 * Closes the fence at every serving place: the lock waits for exactly this org's writers, also those that came past
 * the proxies. At this point we know: the org's rows are still.
 */
export async function fence(estate: Estate, attempt: FlipAttempt, run: EffectRun): Promise<void> {
  const { from } = placesOf(estate, attempt.direction, attempt.owner.homeRegion);
  const timeoutMs = Math.max(50, Math.floor(budgetLeftMs(attempt, estate.clock.monotonicMs()) * fenceShare));
  attempt.fenceTouched = true;
  const { orgId, epoch } = attempt.owner;
  const closed = await Promise.allSettled(
    from.map((place) => place.setFence(orgId, 'nobody', epoch, timeoutMs, run.signal)),
  );
  for (const result of closed) if (result.status === 'rejected') throw result.reason;
  // Where no marker follows, nothing else would look at the drain again.
  if (run.migration.lossAccepted) await assertStillDrained(estate, attempt, run.signal);
}
