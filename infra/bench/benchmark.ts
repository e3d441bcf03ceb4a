/** What one benchmark finds: its own figures may follow the common ones. */
export interface BenchResult {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** The bare minimum for the same work, measured by hand in the same run. */
  readonly floor: number;
  /** `value / floor`. */
  readonly ratio: number;
  /** Further ratios, by what they are of. */
  readonly ratios?: Readonly<Record<string, number>>;
  /** Whether a better figure is a lower or a higher one; of all ratios alike. */
  readonly better: 'lower' | 'higher';
  /** What the figures are held to, in words, and whether this run got there; null where nothing was agreed. */
  readonly toReach: string | null;
  readonly reached: boolean | null;
  /** The part that takes longest, as measured here. */
  readonly slowest: string;
  /** What would halve that part. */
  readonly toHalve: string;
  readonly [figure: string]: unknown;
}

/** What a run is asked for. */
export interface BenchOptions {
  /** Flips, forward and back counted each; even. */
  readonly flips: number;
  /** Rows to compare on each side. */
  readonly rows: number;
  readonly signal: AbortSignal;
  /** Told what is being done, a line each. */
  say(line: string): void;
}

/** One benchmark, that stands alone: it starts what it needs and leaves nothing. */
export interface Benchmark {
  readonly name: string;
  readonly about: string;
  run(options: BenchOptions): Promise<BenchResult>;
}
