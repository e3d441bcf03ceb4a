import type { Attempt, TimelineEvent } from '../../service/status.ts';
import { phaseOf } from './states.ts';

/** A time in one phase (epoch milliseconds); open where it is still in it. */
export interface Span {
  readonly phase: string;
  readonly fromMs: number;
  readonly toMs: number | null;
}

/** The phases of a migration in time: steps inside a phase are one span. */
export function spansOf(events: readonly TimelineEvent[], ended: boolean): readonly Span[] {
  const spans: { phase: string; fromMs: number; toMs: number | null }[] = [];
  for (const { type, state, at } of events) {
    // The first entry says where it began, whatever its kind.
    if (type !== 'state' && spans.length > 0) continue;
    const phase = phaseOf(state);
    const last = spans.at(-1);
    if (last?.phase === phase) continue;
    if (last !== undefined) last.toMs = Date.parse(at);
    spans.push({ phase, fromMs: Date.parse(at), toMs: null });
  }
  const last = spans.at(-1);
  if (ended && last !== undefined) last.toMs = last.fromMs;
  return spans;
}

/** One step of an attempt, as a bar: where it begins on the attempt's own axis, and how long it took (milliseconds). */
export interface StepBar {
  readonly phase: string;
  readonly fromMs: number;
  readonly ms: number;
  readonly ok: boolean;
  /** Clients' writes waited in it. */
  readonly held: boolean;
}

/** Steps in which writes wait. */
const heldSteps: ReadonlySet<string> = new Set([
  'hold',
  'drain',
  'fence',
  'marker',
  'pinViews',
  'parkReads',
  'commit',
  'decide',
  'release',
  'abort',
]);

export function barsOf({ phases }: Pick<Attempt, 'phases'>): readonly StepBar[] {
  let fromMs = 0;
  return phases.map(({ phase, ms, ok }) => {
    const bar = { phase, fromMs, ms, ok, held: heldSteps.has(phase) };
    fromMs += ms;
    return bar;
  });
}

/** Round values for an axis from 0 to `toMs`, about `wanted` of them. */
export function ticksOf(toMs: number, wanted = 5): readonly number[] {
  if (!(toMs > 0)) return [0];
  const steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, ...[1, 2, 5, 10, 15, 30].map((s) => s * 1_000)].concat(
    [1, 2, 5, 10, 15, 30].map((minutes) => minutes * 60_000),
    [1, 2, 3, 6, 12].map((hours) => hours * 3_600_000),
    [1, 2, 7, 14, 30, 60, 180].map((days) => days * 86_400_000),
  );
  const step = steps.find((each) => toMs / each <= wanted) ?? (steps.at(-1) as number);
  return Array.from({ length: Math.floor(toMs / step) + 1 }, (_, index) => index * step);
}
