import type { Seen, WaveDocument } from '../ports/waves.ts';
import { isOver, type OrgView } from './standing.ts';

/** What went wrong in a wave since it was started, or last resumed. */
export interface Troubles {
  readonly wentBack: readonly number[];
  readonly stuck: readonly number[];
  readonly aborts: number;
  readonly longestPause: { readonly orgId: number; readonly ms: number } | null;
}

const nothingSeen: Seen = { wentBack: false, stuck: false, attempts: 0, aborts: 0, longestPauseMs: 0 };

export function troublesOf(orgs: readonly OrgView[], seen: WaveDocument['seen']): Troubles {
  const wentBack: number[] = [];
  const stuck: number[] = [];
  let aborts = 0;
  let longestPause: Troubles['longestPause'] = null;
  for (const org of orgs) {
    const before = seen[org.orgId] ?? nothingSeen;
    const now = seenIn(org);
    if (now.wentBack && !before.wentBack) wentBack.push(org.orgId);
    if (now.stuck && !before.stuck) stuck.push(org.orgId);
    aborts += Math.max(0, now.aborts - before.aborts);
    const isNew = now.longestPauseMs > before.longestPauseMs;
    if (isNew && now.longestPauseMs > (longestPause?.ms ?? 0)) {
      longestPause = { orgId: org.orgId, ms: Math.round(now.longestPauseMs) };
    }
  }
  return { wentBack, stuck, aborts, longestPause };
}

/** Of orgs that had any trouble or ended early, all of it: kept when somebody resumes the wave in spite of it. */
export function allSeen(orgs: readonly OrgView[]): Record<string, Seen> {
  const troubled = orgs.filter((org) => {
    const { wentBack, stuck, aborts, longestPauseMs } = seenIn(org);
    return wentBack || stuck || aborts > 0 || longestPauseMs > 0 || (isOver(org) && org.standing !== 'completed');
  });
  return Object.fromEntries(troubled.map((org): [string, Seen] => [String(org.orgId), seenIn(org)]));
}

function seenIn({ standing, move }: OrgView): Seen {
  const state = move?.state ?? '';
  return {
    wentBack: state.startsWith('rollingBack') || state === 'rolledBack',
    stuck: standing === 'stuck' || standing === 'refused',
    attempts: move?.attempts ?? 0,
    aborts: move?.aborts ?? 0,
    longestPauseMs: move?.longestPauseMs ?? 0,
  };
}

/** The stop rule that is met, in words; null where the wave may go on. */
export function stopRuleMet(
  { wentBack, stuck, aborts, longestPause }: Troubles,
  { rollbacks, aborts: abortsMost, stuck: stuckMost, pauseMs }: WaveDocument['settings']['stop'],
): string | null {
  const named = (orgs: readonly number[]) =>
    `${orgs.slice(0, 10).join(', ')}${orgs.length > 10 ? ` and ${orgs.length - 10} more` : ''}`;
  if (rollbacks !== null && wentBack.length >= rollbacks) {
    return `${wentBack.length} orgs went back (${named(wentBack)}), and it stops at ${rollbacks}`;
  }
  if (stuckMost !== null && stuck.length >= stuckMost) {
    return `${stuck.length} orgs need a person (${named(stuck)}), and it stops at ${stuckMost}`;
  }
  if (abortsMost !== null && aborts >= abortsMost) {
    return `${aborts} tries at a flip ended before the commit, and it stops at ${abortsMost}`;
  }
  if (pauseMs !== null && longestPause !== null && longestPause.ms > pauseMs) {
    return `the writes of org ${longestPause.orgId} were held for ${longestPause.ms} ms, and ${pauseMs} ms is the limit`;
  }
  return null;
}
