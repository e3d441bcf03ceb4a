import type { Clock } from '../../src/ports/clock.ts';

/** A clock that a test moves; whoever sleeps goes on when its time has come. */
export class FakeClock implements Clock {
  #nowMs = 0;
  #sleepers: { readonly dueMs: number; readonly wake: () => void }[] = [];

  nowMs = (): number => 1_700_000_000_000 + this.#nowMs;
  monotonicMs = (): number => this.#nowMs;

  sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
      this.#sleepers.push({ dueMs: this.#nowMs + ms, wake: resolve });
    });

  after = (ms: number, work: () => void): (() => void) => {
    const ended = new AbortController();
    this.sleep(ms, ended.signal).then(work, () => {});
    return () => ended.abort(new Error('not wanted any more'));
  };

  timeoutSignal = (ms: number): AbortSignal => {
    const timeout = new AbortController();
    this.after(ms, () => timeout.abort(new DOMException('too long', 'TimeoutError')));
    return timeout.signal;
  };

  /** Moves on in steps, letting everything that wakes run to its next sleep. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      await settled();
      const dueMs = Math.min(...this.#sleepers.map((sleeper) => sleeper.dueMs));
      if (dueMs > untilMs) break;
      this.#nowMs = dueMs;
      const woken = this.#sleepers.filter((sleeper) => sleeper.dueMs <= dueMs);
      this.#sleepers = this.#sleepers.filter((sleeper) => sleeper.dueMs > dueMs);
      for (const { wake } of woken) wake();
    }
    this.#nowMs = untilMs;
    await settled();
  }
}

/** Everything that can go on without the clock has gone on. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}
