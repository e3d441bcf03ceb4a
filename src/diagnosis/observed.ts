import { CutoverError, messageOf, NoAnswerError } from '../errors/index.ts';
import { within } from '../estate/within.ts';
import type { Clock } from '../ports/clock.ts';

/** What was found at a place, or why nothing could be: a silent place never hides the others. */
export type Observed<T> =
  | { readonly seen: true; readonly value: T }
  | { readonly seen: false; readonly code: string; readonly message: string };

/** Longest wait for one answer (milliseconds): who looks has an org that is held, or half moved. */
const withinMs = 6_000;

/** Asks, and turns a failure into an answer; a silence too. */
export async function observe<T>(clock: Pick<Clock, 'after'>, work: () => Promise<T>): Promise<Observed<T>> {
  try {
    return { seen: true, value: await within(clock, withinMs, work(), () => new NoAnswerError(withinMs)) };
  } catch (error) {
    return { seen: false, code: error instanceof CutoverError ? error.code : 'INTERNAL', message: messageOf(error) };
  }
}

/** The value, or null where nothing was seen. */
export function seenValue<T>(observed: Observed<T>): T | null {
  return observed.seen ? observed.value : null;
}
