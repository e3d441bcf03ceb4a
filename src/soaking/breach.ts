/** One observation that a guard decided by. */
export interface Sample {
  /** ISO time of the observation, controller's clock. */
  readonly at: string;
  readonly value: number | string;
}

/** Samples that are kept as evidence. */
const samplesKept = 20;

/**
 * How long a breach has lasted: the time between samples that were breaches, one after the other. One sample of health
 * begins it anew. A missing sample is neither: it is not given here, and of the gap that it leaves no more than
 * `longestGapMs` counts, so that a guard that saw nothing for an hour has not seen an hour of breach.
 */
export class Breach {
  readonly #longestGapMs: number;
  #lastAtMs: number | null = null;
  #lastedMs = 0;
  #samples: Sample[] = [];

  constructor(longestGapMs: number) {
    this.#longestGapMs = longestGapMs;
  }

  /** Takes a sample at monotonic `nowMs`; true where the breach has lasted `forMs`. */
  take(breach: boolean, sample: Sample, nowMs: number, forMs: number): boolean {
    if (!breach) {
      this.#lastAtMs = null;
      this.#lastedMs = 0;
      this.#samples = [];
      return false;
    }
    if (this.#lastAtMs !== null) this.#lastedMs += Math.min(this.#longestGapMs, nowMs - this.#lastAtMs);
    this.#lastAtMs = nowMs;
    this.#samples = [...this.#samples, sample].slice(-samplesKept);
    return this.#lastedMs >= forMs;
  }

  /** The breach's latest samples, oldest first. */
  get samples(): readonly Sample[] {
    return this.#samples;
  }
}
