import type { MigrationContext } from '../../statecharts/context.ts';
import type { Policy } from '../../statecharts/policy.ts';

export type Phase =
  | 'preflight'
  | 'snapshot'
  | 'replicating'
  | 'lagCheck'
  | 'ready'
  | 'flipping'
  | 'verifying'
  | 'soaking'
  | 'completing'
  | 'rollingBack'
  | 'cleaningUp';

const forward: readonly Phase[] = [
  'preflight',
  'snapshot',
  'replicating',
  'lagCheck',
  'ready',
  'flipping',
  'verifying',
  'soaking',
  'completing',
];

/** Where each point to go on from, and each phase that is none of the way there, stands on it. */
const standsAt: Readonly<Record<string, Phase>> = {
  planned: 'preflight',
  drifted: 'ready',
  settlingBack: 'rollingBack',
  comparingBack: 'rollingBack',
  exportingLast: 'rollingBack',
};

/** The phases that are before a migration if nothing goes wrong, the one that it is in first. */
export function restOf(
  state: string,
  { resumeAt, returnRequested, serving, outcome }: MigrationContext,
): { readonly phases: readonly Phase[]; readonly underWay: boolean } {
  if (outcome !== null) return { phases: [], underWay: false };
  const [phase = state, step = ''] = state.split('.');
  const at = phase === 'paused' || phase === 'needsOperator' ? resumeAt : phase;
  const now = standsAt[at] ?? (at as Phase);
  const underWay = serving === 'held' || ((now === 'flipping' || now === 'rollingBack') && step !== 'prepare');
  if (now === 'cleaningUp' || (returnRequested !== null && serving === 'source')) {
    return { phases: ['cleaningUp'], underWay };
  }
  if (now === 'rollingBack' || returnRequested !== null) return { phases: ['rollingBack', 'cleaningUp'], underWay };
  return { phases: forward.slice(Math.max(0, forward.indexOf(now))), underWay };
}

/** What each phase waits for, by the policy. */
export const forwardPhases: Readonly<Partial<Record<Phase, (policy: Policy) => readonly string[]>>> = {
  preflight: () => ['every question to be answered without a refusal; it changes nothing'],
  replicating: () => ['the full load of every table', 'heartbeats of every site to arrive at the cluster'],
  lagCheck: ({ lagGateMs, lagSamples }) => [
    `the lag to stay under ${lagGateMs} ms for ${lagSamples} samples in a row`,
    'the counts and a comparison of both sides to agree',
  ],
  ready: ({ approval, approvedBy, verificationMaxAgeMs }) => [
    approval === 'auto'
      ? 'nobody: the policy approves by itself'
      : `an approver${approvedBy === 'another' ? ' who has not started the move' : ''}`,
    `a comparison that is not older than ${verificationMaxAgeMs} ms`,
  ],
  flipping: ({ flipBudgetMs, flipTries, flipBackoffMs }) => [
    `the way back to be proven, and heartbeats to travel within the budget of ${flipBudgetMs} ms`,
    `from the hold to the last release ${flipBudgetMs} ms at most, else an abort; ${flipTries} tries, the second after ${flipBackoffMs} ms`,
  ],
  verifying: ({ onMismatch }) => [`the comparison of the moment of the flip; a mismatch: ${onMismatch}`],
  soaking: ({ soakMs, completion, onReverseLag, reverseLagMs, onTaskFailed, onUnhealthy, onErrorRate }) => [
    `${soakMs} ms under watch, then ${completion === 'auto' ? 'it completes by itself' : 'an approver’s complete'}`,
    `lag of the way back over ${reverseLagMs} ms: ${onReverseLag}; its task failed: ${onTaskFailed}; cluster unhealthy: ${onUnhealthy}; errors of clients: ${onErrorRate}`,
  ],
  rollingBack: ({ lagGateMs, lagSamples, flipBudgetMs }) => [
    `the reverse task to be in step: under ${lagGateMs} ms for ${lagSamples} samples in a row`,
    `from the hold to the last release ${flipBudgetMs} ms at most, else an abort`,
  ],
};
