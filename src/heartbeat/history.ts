/** The worst lag within one window of time. */
export interface PastLag {
  /** End of what was seen in it (epoch milliseconds). */
  readonly atMs: number;
  readonly direction: 'forward' | 'back';
  readonly lagMs: number;
}

/** Width of a window (milliseconds), and windows kept: an hour. */
const windowMs = 10_000;
const windowsKept = 360;

/** Lag of one org over the last hour: the worst of each window, so that no peak is missed and thousands of orgs fit. */
export class LagHistory {
  readonly #windows: (PastLag & { readonly window: number })[] = [];

  add(atMs: number, direction: PastLag['direction'], lagMs: number): void {
    const window = Math.floor(atMs / windowMs);
    const last = this.#windows.at(-1);
    if (last?.window === window && last.direction === direction) {
      this.#windows[this.#windows.length - 1] = { window, direction, atMs, lagMs: Math.max(lagMs, last.lagMs) };
      return;
    }
    this.#windows.push({ window, direction, atMs, lagMs });
    if (this.#windows.length > windowsKept) this.#windows.shift();
  }

  get points(): readonly PastLag[] {
    return this.#windows.map(({ atMs, direction, lagMs }) => ({ atMs, direction, lagMs }));
  }
}
