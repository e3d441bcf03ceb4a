import type { MigrationContext } from '../../statecharts/context.ts';
import type { FenceWriter } from '../ports/place.ts';
import type { AttemptRow } from '../ports/store.ts';

/** How far an org has come, as far as routes, fences and tasks go. */
export type Stage =
  /** No task was ever begun. */
  | 'untouched'
  /** The forward task is being made, or loads. */
  | 'replicating'
  /** The forward task is in step, and the source serves. */
  | 'inStep'
  /** An attempt is under way and undecided, or was aborted. */
  | 'holding'
  /** An attempt is decided, and not every proxy has been released yet. */
  | 'releasing'
  /** The cluster serves; the forward task is being replaced by the reverse task. */
  | 'settling'
  /** The cluster serves, with the way back open. */
  | 'onCluster'
  /** The cluster serves, and a person decided without a way back: under an accepted loss, or to stay. */
  | 'withoutWayBack'
  /** The source serves again after a way back. */
  | 'returned'
  /** The source serves; task and rows at the cluster are being removed. */
  | 'leaving'
  /** The way back is being closed. */
  | 'completing'
  | 'completed'
  /** Ended with the source serving. */
  | 'left';

/** `source` is also an org without active rules: those that were there before route it. */
export type RouteKind = 'source' | 'held' | 'parked' | 'cluster';
export type Presence = 'required' | 'allowed' | 'forbidden';

/** What a stage allows. Fences: `missing` is a place without a row. */
export interface Expectation {
  readonly serving: 'source' | 'cluster' | 'held';
  readonly routes: readonly RouteKind[];
  readonly siteFence: readonly (FenceWriter | 'missing')[];
  readonly clusterFence: readonly (FenceWriter | 'missing')[];
  readonly forwardTask: Presence;
  readonly reverseTask: Presence;
}

const source = { serving: 'source', routes: ['source'], siteFence: ['clients'] } as const;
const cluster = { serving: 'cluster', routes: ['cluster'], clusterFence: ['clients'] } as const;
const notLoaded = ['forward', 'nobody', 'missing'] as const;

/** By stage; the two stages of an attempt are by direction. */
const byStage: Readonly<Record<Exclude<Stage, 'holding' | 'releasing'>, Expectation>> = {
  untouched: { ...source, clusterFence: notLoaded, forwardTask: 'forbidden', reverseTask: 'forbidden' },
  replicating: { ...source, clusterFence: notLoaded, forwardTask: 'allowed', reverseTask: 'forbidden' },
  inStep: { ...source, clusterFence: ['forward', 'nobody'], forwardTask: 'required', reverseTask: 'allowed' },
  settling: { ...cluster, siteFence: ['nobody', 'reverse'], forwardTask: 'allowed', reverseTask: 'allowed' },
  onCluster: { ...cluster, siteFence: ['reverse', 'nobody'], forwardTask: 'forbidden', reverseTask: 'required' },
  withoutWayBack: { ...cluster, siteFence: ['reverse', 'nobody'], forwardTask: 'forbidden', reverseTask: 'allowed' },
  returned: { ...source, clusterFence: ['nobody'], forwardTask: 'forbidden', reverseTask: 'allowed' },
  leaving: { ...source, clusterFence: notLoaded, forwardTask: 'allowed', reverseTask: 'allowed' },
  completing: { ...cluster, siteFence: ['reverse', 'nobody'], forwardTask: 'forbidden', reverseTask: 'allowed' },
  completed: { ...cluster, siteFence: ['nobody'], forwardTask: 'forbidden', reverseTask: 'forbidden' },
  left: { ...source, clusterFence: notLoaded, forwardTask: 'forbidden', reverseTask: 'forbidden' },
};

/** Nothing may reach the next side before the decision, and nothing the last one after it. */
const byAttempt: Readonly<Record<'forward' | 'back', Record<'holding' | 'releasing', Expectation>>> = {
  forward: {
    holding: {
      serving: 'held',
      routes: ['source', 'held', 'parked'],
      siteFence: ['clients', 'nobody'],
      clusterFence: ['forward', 'nobody'],
      forwardTask: 'required',
      reverseTask: 'allowed',
    },
    releasing: {
      serving: 'held',
      routes: ['parked', 'cluster'],
      siteFence: ['nobody'],
      clusterFence: ['nobody', 'clients'],
      forwardTask: 'allowed',
      reverseTask: 'allowed',
    },
  },
  back: {
    holding: {
      serving: 'held',
      routes: ['cluster', 'held', 'parked'],
      siteFence: ['reverse', 'nobody'],
      clusterFence: ['clients', 'nobody'],
      forwardTask: 'forbidden',
      reverseTask: 'allowed',
    },
    releasing: {
      serving: 'held',
      routes: ['parked', 'source'],
      siteFence: ['nobody', 'clients'],
      clusterFence: ['nobody'],
      forwardTask: 'forbidden',
      reverseTask: 'allowed',
    },
  },
};

/** The stage of a migration in a state, as status and timeline name it. */
export function stageOf(state: string, context: MigrationContext, attempt: AttemptRow | null): Stage {
  const [phase, step] = state.split('.');
  if (context.serving === 'held') return attempt?.decision === 'commit' ? 'releasing' : 'holding';
  switch (phase) {
    case 'completed':
    case 'completing':
      return phase;
    case 'rolledBack':
    case 'cancelled':
      return 'left';
    case 'cleaningUp':
      return 'leaving';
    case 'replicating':
      return 'replicating';
    case 'lagCheck':
    case 'ready':
    case 'flipping':
      return 'inStep';
    case 'verifying':
      return step === 'settling' ? 'settling' : 'onCluster';
    case 'soaking':
      return context.stays ? 'withoutWayBack' : 'onCluster';
    case 'rollingBack':
      if (context.serving === 'source') return 'returned';
      return context.lossAccepted ? 'withoutWayBack' : 'onCluster';
    default:
      return waitingStage(context);
  }
}

/** `paused`, `needsOperator`, and what comes before a task. */
function waitingStage({ serving, resumeAt, replicationTries }: MigrationContext): Stage {
  if (serving === 'cluster') {
    if (resumeAt === 'completing') return 'completing';
    // Where the flip could not be settled, either task may be there.
    return resumeAt === 'verifying' ? 'settling' : 'onCluster';
  }
  if (resumeAt === 'settlingBack' || resumeAt === 'comparingBack' || resumeAt === 'exportingLast') return 'returned';
  if (resumeAt === 'cleaningUp') return 'leaving';
  if (resumeAt === 'lagCheck') return 'inStep';
  return replicationTries > 0 ? 'replicating' : 'untouched';
}

export function expectationOf(stage: Stage, direction: 'forward' | 'back'): Expectation {
  return stage === 'holding' || stage === 'releasing' ? byAttempt[direction][stage] : byStage[stage];
}
