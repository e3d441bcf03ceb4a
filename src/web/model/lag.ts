import type { MigrationStatus } from '../../service/status.ts';

/** Lag at a moment (milliseconds); null where there was no sample of that direction. */
export interface LagPoint {
  readonly atMs: number;
  readonly forwardMs: number | null;
  readonly reverseMs: number | null;
}

/** Points kept: half an hour of one a second. */
const most = 1_800;
/** A hole longer than this between two points is drawn as one: nobody knows what was in it. */
export const holeMs = 15_000;

/** The history with what a status adds; the same history where it adds nothing. */
export function withLag(points: readonly LagPoint[], { lag }: Pick<MigrationStatus, 'lag'>): readonly LagPoint[] {
  if (lag.observedAt === null) return points;
  const atMs = Date.parse(lag.observedAt);
  const last = points.at(-1);
  if (last !== undefined && atMs <= last.atMs) return points;
  return [...points.slice(-(most - 1)), { atMs, forwardMs: lag.forwardMs, reverseMs: lag.reverseMs }];
}

/** Two histories as one, in order. */
export function merged(older: readonly LagPoint[], newer: readonly LagPoint[]): readonly LagPoint[] {
  const all = new Map([...older, ...newer].map((point) => [point.atMs, point]));
  return [...all.values()].sort((a, b) => a.atMs - b.atMs).slice(-most);
}

/** Columns for the chart, in seconds, with holes where nothing was measured. */
export function columnsOf(points: readonly LagPoint[]): {
  readonly at: number[];
  readonly forward: (number | null)[];
  readonly back: (number | null)[];
} {
  const at: number[] = [];
  const forward: (number | null)[] = [];
  const back: (number | null)[] = [];
  let lastMs: number | null = null;
  for (const { atMs, forwardMs, reverseMs } of points) {
    if (lastMs !== null && atMs - lastMs > holeMs) {
      at.push((lastMs + 1) / 1_000);
      forward.push(null);
      back.push(null);
    }
    at.push(atMs / 1_000);
    // The axis is logarithmic: nothing is below one millisecond.
    forward.push(forwardMs === null ? null : Math.max(1, forwardMs));
    back.push(reverseMs === null ? null : Math.max(1, reverseMs));
    lastMs = atMs;
  }
  return { at, forward, back };
}

/** The limits that the policy draws, by direction; null where it says none. */
export function limitsOf(policy: MigrationStatus['policy']): {
  readonly forwardMs: number | null;
  readonly backMs: number | null;
} {
  const figure = (name: string) => (typeof policy[name] === 'number' ? (policy[name] as number) : null);
  return { forwardMs: figure('lagGateMs'), backMs: figure('reverseLagMs') };
}
