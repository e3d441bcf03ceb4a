/** Time and waiting, so that a simulation can own both. */
export interface Clock {
  /** Epoch milliseconds. May jump; never used for a duration. */
  nowMs(): number;
  /** Monotonic milliseconds, for durations. */
  monotonicMs(): number;
  /** Resolves after `ms`, or rejects with the signal's reason. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}
