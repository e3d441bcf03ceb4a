/** The service's bucket of API calls: full at first, refilled at a steady rate; an empty one means "Rate exceeded". */
export class ApiBucket {
  readonly #now: () => number;
  #capacity: number;
  #refillPerSecond: number;
  #tokens: number;
  #filledAtMs: number;

  constructor(limits: { capacity: number; refillPerSecond: number }, now: () => number = Date.now) {
    this.#now = now;
    this.#capacity = limits.capacity;
    this.#refillPerSecond = limits.refillPerSecond;
    this.#tokens = limits.capacity;
    this.#filledAtMs = now();
  }

  /** Other limits from now on; the bucket is full again. */
  reset(limits: { capacity: number; refillPerSecond: number }): void {
    this.#capacity = limits.capacity;
    this.#refillPerSecond = limits.refillPerSecond;
    this.#tokens = limits.capacity;
    this.#filledAtMs = this.#now();
  }

  /** Takes one call out; false when there is none left. */
  take(): boolean {
    const nowMs = this.#now();
    this.#tokens = Math.min(this.#capacity, this.#tokens + ((nowMs - this.#filledAtMs) / 1000) * this.#refillPerSecond);
    this.#filledAtMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
