import type { TimelineEvent } from '../../../src/service/status.ts';
import type { ServedInterval } from '../workload/index.ts';

/** Server ids of the lab: the sites together, and the cluster with this number (0 is the first). */
export const SITE_SIDES: readonly number[] = [1, 2];
export const clusterSide = (index: number): number => index + 3;

/** One flip as the timeline tells it: from the hold to the commit to the release (epoch milliseconds). */
export interface FlipSpan {
  readonly heldAtMs: number;
  readonly committedAtMs: number;
  readonly releasedAtMs: number;
}

/** The flips that were committed, in order. The commit has been decided when `release` begins. */
export function flipsOf(events: readonly TimelineEvent[]): FlipSpan[] {
  const entered = events.filter(({ type }) => type === 'state');
  const spans: FlipSpan[] = [];
  let heldAtMs = 0;
  for (const [index, event] of entered.entries()) {
    if (event.state.endsWith('.hold')) heldAtMs = Date.parse(event.at);
    if (!event.state.endsWith('.release')) continue;
    const next = entered[index + 1];
    const committedAtMs = Date.parse(event.at);
    spans.push({ heldAtMs, committedAtMs, releasedAtMs: next === undefined ? committedAtMs : Date.parse(next.at) });
  }
  return spans;
}

/** Every hold, aborted ones too: from when to when clients may have had to wait (epoch milliseconds). */
export function holdsOf(events: readonly TimelineEvent[]): { readonly fromMs: number; readonly toMs: number }[] {
  const entered = events.filter(({ type }) => type === 'state');
  const holds: { fromMs: number; toMs: number }[] = [];
  let fromMs: number | null = null;
  for (const event of entered) {
    if (event.state.endsWith('.hold')) fromMs = Date.parse(event.at);
    if (fromMs === null || HELD_STEPS.has(event.state.split('.')[1] ?? '')) continue;
    holds.push({ fromMs, toMs: Date.parse(event.at) });
    fromMs = null;
  }
  return holds;
}

const HELD_STEPS = new Set([
  'hold',
  'drain',
  'fence',
  'marker',
  'pinViews',
  'parkReads',
  'commit',
  'recovering',
  'release',
  'aborting',
]);

/** Who served the org's writes when: the sites first, and the other side from each commit on. */
export function servedBy(orgId: number, cluster: number, flips: readonly FlipSpan[]): ServedInterval[] {
  const intervals: ServedInterval[] = [];
  let fromMs = 0;
  for (const [index, flip] of flips.entries()) {
    intervals.push({ orgId, sides: index % 2 === 0 ? SITE_SIDES : [cluster], fromMs, toMs: flip.committedAtMs });
    fromMs = flip.committedAtMs;
  }
  intervals.push({
    orgId,
    sides: flips.length % 2 === 0 ? SITE_SIDES : [cluster],
    fromMs,
    toMs: Number.POSITIVE_INFINITY,
  });
  return intervals;
}
