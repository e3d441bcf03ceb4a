/** What every failure says: a stable code, what happened, and what to do about it. */
export abstract class CutoverError extends Error {
  /** Stable, upper case with underscores; documentation and alerts refer to it. */
  abstract readonly code: string;
  /** What the operator does about it, in one sentence. */
  abstract readonly remedy: string;
  /** Values that explain the case. Never a secret, never a customer's data. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(message: string, options: { cause?: unknown; details?: Record<string, unknown> } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.details = options.details ?? {};
  }
}

/** True for a failure that the same call may not meet again (lost connection, time-out, throttling). */
export function isTransient(error: unknown): boolean {
  return error instanceof CutoverError && 'transient' in error && error.transient === true;
}

/** The message of anything thrown, without its stack. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
