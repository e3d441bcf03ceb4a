import type { Seen, WaveMove, WaveOrg } from '../ports/waves.ts';

/** Where an org of a wave is, in the wave's own words. */
export const standings = [
  'waiting',
  'starting',
  'loading',
  'paused',
  'ready',
  'flipping',
  'onCluster',
  'goingBack',
  'stuck',
  'refused',
  'completed',
  'rolledBack',
  'cancelled',
] as const;
export type Standing = (typeof standings)[number];

/** An org of a wave with its move. */
export interface OrgView extends WaveOrg {
  readonly move: WaveMove | null;
  readonly standing: Standing;
  /** It flips as soon as it is in step, without being asked again. */
  readonly goesByItself: boolean;
}

const over: ReadonlySet<Standing> = new Set(['refused', 'completed', 'rolledBack', 'cancelled']);
/** Nothing more comes of it in this wave. */
export const isOver = ({ standing }: Pick<OrgView, 'standing'>): boolean => over.has(standing);

const phases: Readonly<Record<string, Standing>> = {
  planned: 'starting',
  ready: 'ready',
  paused: 'paused',
  drifted: 'stuck',
  needsOperator: 'stuck',
  flipping: 'flipping',
  verifying: 'onCluster',
  soaking: 'onCluster',
  completing: 'onCluster',
  rollingBack: 'goingBack',
  cleaningUp: 'goingBack',
  completed: 'completed',
  rolledBack: 'rolledBack',
  cancelled: 'cancelled',
};

export const phaseOf = (state: string): string => state.split('.', 1)[0] ?? state;

/** Before the flip, where an approval may stand already. */
const beforeFlip: ReadonlySet<Standing> = new Set(['loading', 'paused', 'ready', 'stuck']);

export function viewOf(org: WaveOrg, move: WaveMove | null): OrgView {
  const standing = standingOf(org, move);
  const asked = org.attemptsWhenLetGo !== null && move !== null && move.attempts === org.attemptsWhenLetGo;
  const onItsWay = move !== null && move.side === 'source' && beforeFlip.has(standing);
  return { ...org, move, standing, goesByItself: onItsWay && (move.approved || asked) };
}

function standingOf(org: WaveOrg, move: WaveMove | null): Standing {
  if (org.refusal !== null && (move === null || move.state === 'planned')) return 'refused';
  if (move === null) return org.askedToStart ? 'starting' : 'waiting';
  if (isSpent(org, move)) return 'stuck';
  return phases[phaseOf(move.state)] ?? 'loading';
}

/** It was let go, and its tries ended before the commit: it waits in front of the flip, without its approval. */
function isSpent({ attemptsWhenLetGo }: WaveOrg, { state, approved, attempts }: WaveMove): boolean {
  const before = state === 'ready' || state === 'lagCheck';
  return before && attemptsWhenLetGo !== null && !approved && attempts > attemptsWhenLetGo;
}

/** Somebody looked at its spent tries and resumed the wave: it may be let go once more. */
export function mayTryAgain({ standing, move, ...org }: OrgView, seen: Seen | undefined): boolean {
  return standing === 'stuck' && move !== null && isSpent(org, move) && seen?.attempts === move.attempts;
}
