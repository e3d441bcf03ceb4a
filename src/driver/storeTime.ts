import type { Clock } from '../ports/clock.ts';

/**
 * The store's time, which all controllers share: heard at every sign of life, and carried on by the monotonic clock in
 * between. A jump of a controller's own clock changes nothing.
 */
export class StoreTime {
  readonly #clock: Clock;
  #heard: { readonly storeMs: number; readonly atMs: number } | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  heard(storeMs: number): void {
    this.#heard = { storeMs, atMs: this.#clock.monotonicMs() };
  }

  /** Epoch milliseconds; this machine's own before the store was heard for the first time. */
  nowMs(): number {
    if (this.#heard === null) return this.#clock.nowMs();
    return this.#heard.storeMs + (this.#clock.monotonicMs() - this.#heard.atMs);
  }
}
