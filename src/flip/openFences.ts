import type { EffectRun } from '../driver/handlers.ts';
import type { Estate } from '../estate/estate.ts';
import { budgetLeftMs, type FlipAttempt } from './attempt.ts';
import { untilDone } from './untilDone.ts';

/** Least time that the routes wait for fences to open, also where the budget is spent (milliseconds). */
const leastPatienceMs = 1_000;

/**
 * Opens fences, however often it takes. Routes follow as soon as they are open. Where a place takes no writes the hold
 * ends all the same, at the end of its budget: clients then read, and meet errors instead of waiting for one. The
 * step itself ends only when every fence is open, so that a new owner goes on with them.
 *
 * @param open opens what is not open yet; tried until it succeeds
 * @param follow brings the routes
 */
export async function openFences(
  estate: Estate,
  attempt: FlipAttempt,
  run: EffectRun,
  what: string,
  open: () => Promise<unknown>,
  follow: () => Promise<void>,
): Promise<void> {
  const opening = untilDone(estate, run, what, open);
  const opened = new AbortController();
  const patience = estate.clock.sleep(patienceMs(estate, attempt), opened.signal).then(
    () => 'late' as const,
    () => 'opened' as const,
  );
  try {
    const first = await Promise.race([opening.then(() => 'opened' as const), patience]);
    if (first === 'late') run.note(`${what} takes too long; the org's queries go on without it`);
  } finally {
    opened.abort(new Error('no longer waited for'));
  }
  await Promise.all([opening, follow()]);
}

/** What is left of the budget. A new owner does not know how long the org has been held: it has little patience. */
function patienceMs(estate: Estate, attempt: FlipAttempt): number {
  if (attempt.heldAtMs === null) return leastPatienceMs;
  return Math.max(leastPatienceMs, budgetLeftMs(attempt, estate.clock.monotonicMs()));
}
