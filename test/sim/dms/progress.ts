/** What outlives a run of a task: a resumed one goes on from here. */
export interface Progress {
  /** Index of the next event of the source's binlog. */
  next: number;
  /** Events before this one may be in the load already; null until the load is over. */
  overlapUntil: number | null;
  /** Epoch milliseconds; null before the load is over, and where nothing is loaded. */
  loadEndedAtMs: number | null;
  readonly begun: Set<string>;
  readonly loaded: Set<string>;
  readonly loadedRows: Map<string, number>;
  /** Tables that are left out, while the task runs on. */
  readonly errored: Set<string>;
}

export function newProgress(next: number): Progress {
  return {
    next,
    overlapUntil: null,
    loadEndedAtMs: null,
    begun: new Set(),
    loaded: new Set(),
    loadedRows: new Map(),
    errored: new Set(),
  };
}
