import { setTimeout as sleep } from 'node:timers/promises';

/** Hands out permissions at a steady rate. What was not used is kept for `burstMs` only: a pause is not made up for. */
export class TokenBucket {
  readonly #msPerToken: number;
  readonly #burstMs: number;
  #nextAtMs = 0;

  constructor(perSecond: number, burstMs = 100) {
    this.#msPerToken = 1000 / perSecond;
    this.#burstMs = burstMs;
  }

  /** Waits for `count` permissions. Resolves to false when the signal ended the wait. */
  async take(count: number, signal: AbortSignal): Promise<boolean> {
    const nowMs = performance.now();
    const startMs = Math.max(this.#nextAtMs, nowMs - this.#burstMs);
    this.#nextAtMs = startMs + count * this.#msPerToken;
    return startMs <= nowMs ? !signal.aborted : pause(startMs - nowMs, signal);
  }
}

/** Waits; resolves to false when the signal ended the wait. */
export async function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await sleep(ms, undefined, { signal });
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}
