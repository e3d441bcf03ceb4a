/** Time and waiting, so that a simulation can own both. */
export interface Clock {
  /** Epoch milliseconds. May jump; never used for a duration. */
  nowMs(): number;
  /** Monotonic milliseconds, for durations. */
  monotonicMs(): number;
  /** Resolves after `ms`, or rejects with the signal's reason. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Runs `work` after `ms`, unless what is returned is called before. */
  after(ms: number, work: () => void): () => void;
  /** Aborts after `ms` with a `TimeoutError`; does not keep a process alive. */
  timeoutSignal(ms: number): AbortSignal;
}
