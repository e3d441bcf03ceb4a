import type { OverviewChange, OverviewRow } from '../../http/live/overview.ts';
import { phaseOf } from './states.ts';

/** A list with a change in it. */
export function changed(
  rows: readonly OverviewRow[],
  { changed: parts, gone }: OverviewChange,
): readonly OverviewRow[] {
  const all = new Map(rows.map((row) => [row.id, row]));
  for (const id of gone) all.delete(id);
  for (const part of parts) all.set(part.id, { ...all.get(part.id), ...part } as OverviewRow);
  return [...all.values()];
}

/** Groups that people look for, most urgent first. */
export const groups = ['you', 'moving', 'onAurora', 'ended'] as const;
export type Group = (typeof groups)[number];

export const groupTexts: Readonly<Record<Group, string>> = {
  you: 'Waiting for you',
  moving: 'Moving',
  onAurora: 'On Aurora, under watch',
  ended: 'Ended',
};

const asks: ReadonlySet<string> = new Set(['needsOperator', 'ready', 'drifted', 'paused', 'planned']);
const watched: ReadonlySet<string> = new Set(['verifying', 'soaking', 'completing']);

export function groupOf({ state, outcome, serving }: Pick<OverviewRow, 'state' | 'outcome' | 'serving'>): Group {
  if (outcome !== null) return 'ended';
  const phase = phaseOf(state);
  // A journal that nobody here can read needs somebody, whatever its state says.
  if (serving === 'unknown' || asks.has(phase)) return 'you';
  return watched.has(phase) ? 'onAurora' : 'moving';
}

/** Within a group: what is worst, then what waits for longest. */
function weight({ state, serving, reason }: OverviewRow): number {
  if (phaseOf(state) === 'needsOperator' || serving === 'unknown') return 0;
  if (serving === 'held') return 1;
  if (phaseOf(state) === 'rollingBack') return 2;
  return reason === null ? 4 : 3;
}

/** The rows in the order in which somebody should look at them; what has ended, the last first. */
export function inOrder(rows: readonly OverviewRow[]): readonly OverviewRow[] {
  return [...rows].sort((a, b) => {
    const [groupA, groupB] = [groupOf(a), groupOf(b)];
    if (groupA !== groupB) return groups.indexOf(groupA) - groups.indexOf(groupB);
    if (groupA === 'ended') return b.since.localeCompare(a.since) || a.orgId - b.orgId;
    return weight(a) - weight(b) || a.since.localeCompare(b.since) || a.orgId - b.orgId;
  });
}

/** Whether every word of a search is in a row: a number is an org, everything else may stand anywhere. */
export function matches(row: OverviewRow, search: string): boolean {
  const words = search
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  const text = `${row.state} ${row.homeRegion ?? ''} ${row.serving} ${row.waitsFor ?? ''} ${row.reason?.code ?? ''} ${row.id}`;
  return words.every((word) =>
    /^\d+$/.test(word) ? String(row.orgId).startsWith(word) : text.toLowerCase().includes(word),
  );
}
