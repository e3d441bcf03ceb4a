import type { EffectRun } from '../driver/handlers.ts';
import type { Estate } from '../estate/estate.ts';
import { budgetLeftMs, type FlipAttempt } from './attempt.ts';
import { untilDone } from './untilDone.ts';

/** Least time that the routes wait for fences to open, also where the budget is spent (milliseconds). */
const leastPatienceMs = 1_000;

/**
 * Opens fences, however often it takes. Routes follow as soon as they are open. Where a place refuses, the hold ends
 * all the same, at the end of its budget: clients then read, and meet errors instead of waiting for one. A place that
 * is only slow to answer is waited for as long as the proxies let clients wait: routes in front of a closed fence would
 * make errors of their writes. The step itself ends only when every fence is open, so that a new owner goes on with them.
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
  const { promise: refused, resolve: isRefused } = Promise.withResolvers<'refused'>();
  const opening = untilDone(estate, run, what, () =>
    open().catch((error: unknown) => {
      isRefused('refused');
      throw error;
    }),
  );
  const opened = opening.then(() => 'opened' as const);
  const ended = new AbortController();
  const after = (ms: number) => estate.clock.sleep(ms, ended.signal).then(() => 'late' as const);
  const late = after(patienceMs(estate, attempt));
  const tooLate = late.then(() => Promise.race([after(Math.max(0, estate.proxiesPatienceMs)), refused]));
  tooLate.catch(() => {});
  try {
    const first = await Promise.race([opened, tooLate]);
    if (first !== 'opened') run.note(`${what} takes too long; the org's queries go on without it`);
  } finally {
    ended.abort(new Error('no longer waited for'));
  }
  await Promise.all([opening, follow()]);
}

/** What is left of the budget. A new owner does not know how long the org has been held: it has little patience. */
function patienceMs(estate: Estate, attempt: FlipAttempt): number {
  if (attempt.heldAtMs === null) return leastPatienceMs;
  return Math.max(leastPatienceMs, budgetLeftMs(attempt, estate.clock.monotonicMs()));
}
