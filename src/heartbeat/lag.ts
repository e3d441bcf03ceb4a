/** One observation of an org's lag in one direction. */
export interface LagSample {
  /** Age of the oldest beat that has not arrived, or travel time of the last one where all have (milliseconds). */
  readonly lagMs: number;
  /** Origin with the largest lag. */
  readonly origin: string;
  /** Monotonic milliseconds of the observation. */
  readonly atMs: number;
}

interface Beat {
  readonly seq: number;
  readonly sentAtMs: number;
}

/** Travel times kept for the percentile. */
const travelsKept = 200;
/** Beats kept while nothing arrives; the oldest decides the lag and is always kept. */
const beatsKept = 600;

/**
 * Lag of one (org, origin, observer), measured by this controller's monotonic clock alone: from before a beat was
 * written to its sight on the other side. The servers' clocks do not come into it, so skew cannot be taken for lag.
 */
export class LagMeter {
  #outstanding: Beat[] = [];
  #travels: number[] = [];
  #seenSeq = 0;
  #arrivedSentAtMs: number | null = null;
  #last: { lagMs: number; atMs: number } | null = null;

  sent(seq: number, sentAtMs: number): void {
    this.#outstanding.push({ seq, sentAtMs });
    if (this.#outstanding.length > beatsKept) this.#outstanding.splice(1, 1);
  }

  /** The origin's row shows `seq` at the observer. */
  seen(seq: number, atMs: number): void {
    const arrived = this.#outstanding.filter((beat) => beat.seq <= seq);
    this.#outstanding = this.#outstanding.filter((beat) => beat.seq > seq);
    const newest = arrived.at(-1);
    if (newest !== undefined) {
      this.#arrivedSentAtMs = newest.sentAtMs;
      this.#travels.push(atMs - newest.sentAtMs);
      if (this.#travels.length > travelsKept) this.#travels.shift();
    }
    if (seq > this.#seenSeq) this.#seenSeq = seq;
    const oldest = this.#outstanding[0];
    // Before the first arrival nothing is known but that nothing came.
    if (oldest !== undefined) this.#last = { lagMs: atMs - oldest.sentAtMs, atMs };
    else if (this.#travels.length > 0) this.#last = { lagMs: this.#travels.at(-1) ?? 0, atMs };
  }

  get last(): { lagMs: number; atMs: number } | null {
    return this.#last;
  }

  /** True once a beat of ours has been seen on the other side. */
  get arrived(): boolean {
    return this.#travels.length > 0;
  }

  /** When the newest beat that arrived was sent (monotonic milliseconds): everything from before it has arrived. */
  get arrivedSentAtMs(): number | null {
    return this.#arrivedSentAtMs;
  }

  get travels(): readonly number[] {
    return this.#travels;
  }
}

/** The p-th percentile (0 to 1) of a non-empty list, by nearest rank. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * p) - 1)] ?? 0;
}
