import { CutoverError, messageOf } from '../errors/index.ts';

/** What was found at a place, or why nothing could be: a silent place never hides the others. */
export type Observed<T> =
  | { readonly seen: true; readonly value: T }
  | { readonly seen: false; readonly code: string; readonly message: string };

/** Asks, and turns a failure into an answer. */
export async function observe<T>(work: () => Promise<T>): Promise<Observed<T>> {
  try {
    return { seen: true, value: await work() };
  } catch (error) {
    return { seen: false, code: error instanceof CutoverError ? error.code : 'INTERNAL', message: messageOf(error) };
  }
}

/** The value, or null where nothing was seen. */
export function seenValue<T>(observed: Observed<T>): T | null {
  return observed.seen ? observed.value : null;
}
