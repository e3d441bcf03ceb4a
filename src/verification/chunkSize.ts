const TARGET_MS = 500;
const FIRST_ROWS = 5_000;
// A megabyte a row is possible: 50 rows of that are hashed in well under a second.
const FIRST_ROWS_HEAVY = 50;
const LEAST_ROWS = 20;
const MOST_ROWS = 500_000;
// One chunk of unusual rows should not throw the size far off.
const MOST_CHANGE = 4;

/** Rows per chunk, adapted so that a chunk takes about half a second on the slower side. */
export class ChunkSize {
  #rows: number;

  constructor(heavy: boolean) {
    this.#rows = heavy ? FIRST_ROWS_HEAVY : FIRST_ROWS;
  }

  get rows(): number {
    return Math.round(this.#rows);
  }

  /** Learns from a chunk that was asked for with `rows` rows. */
  learn(rows: number, elapsedMs: number): void {
    const wanted = rows * Math.min(MOST_CHANGE, Math.max(1 / MOST_CHANGE, TARGET_MS / Math.max(elapsedMs, 1)));
    // Chunks overlap: an old, small one must not take back what newer ones taught, nor a fast one be ignored.
    const next = rows < this.#rows && wanted < this.#rows && elapsedMs < TARGET_MS ? this.#rows : wanted;
    this.#rows = Math.min(MOST_ROWS, Math.max(LEAST_ROWS, next));
  }
}
