import type { Clock } from '../../ports/clock.ts';

/** How long an operation may take. */
export interface Limits {
  /** Ends the waiting with its reason. */
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
}

/** An operation took longer than it was allowed. */
export class OperationTimeout extends Error {
  constructor(what: string, timeoutMs: number) {
    super(`${what} took longer than ${timeoutMs} ms`);
    this.name = 'OperationTimeout';
  }
}

/**
 * Calls `interrupt` once when the signal fires or the time is over, with what the operation is to be rejected with.
 * Returns the function that ends the watch.
 */
export function watchLimits(
  clock: Clock,
  what: string,
  { signal, timeoutMs }: Limits,
  interrupt: (reason: unknown) => void,
): () => void {
  let cancel = () => {};
  const stop = () => {
    cancel();
    signal?.removeEventListener('abort', onAbort);
  };
  const end = (reason: unknown) => {
    stop();
    interrupt(reason);
  };
  const onAbort = () => end(signal?.reason);
  if (timeoutMs !== undefined) cancel = clock.after(timeoutMs, () => end(new OperationTimeout(what, timeoutMs)));
  signal?.addEventListener('abort', onAbort, { once: true });
  return stop;
}
