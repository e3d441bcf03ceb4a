import type { Wait, WaveView } from './schedule.ts';
import { isOver, type OrgView } from './standing.ts';

/** Null where every canary has soaked long enough, or somebody went on without it; else what the others wait for. */
export function canariesPassed({ orgs, document }: WaveView, nowMs: number): Wait | null {
  const { canaries } = document.settings;
  if (canaries === undefined) return null;
  const left = orgs.filter((org) => org.canary && !isBehind(org, canaries.watchMs, nowMs, document.seen));
  if (left.length === 0) return null;
  const soaked = left.every(({ move }) => move?.state === 'soaking');
  const lastMs = Math.max(...left.map(({ move }) => (move?.sinceMs ?? nowMs) + canaries.watchMs));
  return {
    code: 'canaries',
    message: `${left.length} canaries to have soaked for ${canaries.watchMs} ms`,
    untilMs: soaked ? lastMs : null,
  };
}

function isBehind(
  { orgId, standing, move }: OrgView,
  watchMs: number,
  nowMs: number,
  seen: WaveView['document']['seen'],
): boolean {
  if (standing === 'completed') return true;
  if (isOver({ standing })) return seen[orgId] !== undefined;
  if (move === null) return false;
  // Behind `soaking` itself the whole soak of the policy is over.
  return move.state.startsWith('soaking.') || (move.state === 'soaking' && nowMs - move.sinceMs >= watchMs);
}

/** A canary that will not be on its cluster: nobody goes on behind it unasked. Null where there is none. */
export function canaryThatFailed({ orgs, document }: WaveView): string | null {
  const failed = orgs.find(
    (org) => org.canary && isOver(org) && org.standing !== 'completed' && document.seen[org.orgId] === undefined,
  );
  return failed === undefined ? null : `canary org ${failed.orgId} ended as ${failed.standing}`;
}
