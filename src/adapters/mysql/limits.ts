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
  what: string,
  { signal, timeoutMs }: Limits,
  interrupt: (reason: unknown) => void,
): () => void {
  let timer: NodeJS.Timeout | undefined;
  const stop = () => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  };
  const end = (reason: unknown) => {
    stop();
    interrupt(reason);
  };
  const onAbort = () => end(signal?.reason);
  if (timeoutMs !== undefined) timer = setTimeout(() => end(new OperationTimeout(what, timeoutMs)), timeoutMs);
  signal?.addEventListener('abort', onAbort, { once: true });
  return stop;
}
