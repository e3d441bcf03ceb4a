import type { Clock } from '../../ports/clock.ts';
import type { ApiRate } from './options.ts';

/** Tokens that are left for what somebody waits for; what can wait takes only from above this share. */
const reservedShare = 0.2;

/** Keeps all calls to a region under one rate, in the order in which they ask. */
export class TokenBucket {
  readonly #rate: ApiRate;
  readonly #clock: Clock;
  #tokens: number;
  #filledAtMs: number;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(rate: ApiRate, clock: Clock) {
    this.#rate = rate;
    this.#clock = clock;
    this.#tokens = rate.burst;
    this.#filledAtMs = clock.monotonicMs();
  }

  /** Waits for its turn and a token. */
  async take(signal: AbortSignal): Promise<void> {
    const mine = this.#queue.then(async () => {
      for (;;) {
        signal.throwIfAborted();
        this.#fill();
        if (this.#tokens >= 1) break;
        await this.#clock.sleep(Math.ceil(((1 - this.#tokens) / this.#rate.perSecond) * 1_000), signal);
      }
      this.#tokens -= 1;
    });
    this.#queue = mine.catch(() => undefined);
    await abortable(mine, signal);
  }

  /** How many calls could be made now without being in anybody's way. */
  spare(): number {
    this.#fill();
    return Math.max(0, Math.floor(this.#tokens - Math.floor(this.#rate.burst * reservedShare)));
  }

  /** The service throttled: its own bucket is empty, whatever ours says. */
  drain(): void {
    this.#fill();
    this.#tokens = Math.min(this.#tokens, 0);
  }

  #fill(): void {
    const nowMs = this.#clock.monotonicMs();
    const gained = ((nowMs - this.#filledAtMs) / 1_000) * this.#rate.perSecond;
    this.#tokens = Math.min(this.#rate.burst, this.#tokens + gained);
    this.#filledAtMs = nowMs;
  }
}

const firstBackoffMs = 100;
const longestBackoffMs = 10_000;

/** Wait after this many failures in a row (ms): doubles, without jitter, for the bucket already spreads our calls. */
export function backoffMs(failures: number): number {
  return Math.min(longestBackoffMs, firstBackoffMs * 2 ** Math.max(0, Math.min(failures - 1, 20)));
}

/** The promise's result, unless the signal comes first. */
export async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
