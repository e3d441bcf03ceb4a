import { assign, setup } from 'xstate';
import { backoffMs, type MigrationContext, type MigrationInput, type ResumePoint } from './context.ts';
import type { DeadlineName, EffectEvent, EffectName, Failure } from './effects.ts';

/** What a user may say, and what the driver says of itself. */
export type CommandEvent =
  | { readonly type: 'start' }
  | { readonly type: 'pause' }
  | { readonly type: 'resume' }
  | { readonly type: 'approve' }
  | { readonly type: 'rollback' }
  /** `rollback` by an approver who accepts that what does not travel stays behind. */
  | { readonly type: 'acceptLoss' }
  | { readonly type: 'complete' }
  | { readonly type: 'cancel' }
  | { readonly type: 'retry' };

export type MigrationEvent =
  | CommandEvent
  | EffectEvent
  | { readonly type: `deadline.${DeadlineName}` }
  /** A new owner found the journal inside a flip whose steps lived in memory. */
  | { readonly type: 'recover' };

/**
 * Names of everything the phases use. `ask`, `drop`, `setDeadline` and `clearDeadline` are carried out by the driver:
 * `transition()` hands them over and runs nothing.
 */
export const migration = setup({
  types: {
    context: {} as MigrationContext,
    events: {} as MigrationEvent,
    input: {} as MigrationInput,
  },
  actions: {
    ask: (_, _params: { effect: EffectName }) => {},
    drop: (_, _params: { effect: EffectName }) => {},
    setDeadline: (_, _params: { deadline: DeadlineName; afterMs: number }) => {},
    clearDeadline: (_, _params: { deadline: DeadlineName }) => {},

    beginReplication: assign(({ context }) => ({
      replicationTries: context.replicationTries + 1,
      generation: context.generation + 1,
    })),
    beginAttempt: assign(({ context }, params: { direction: 'forward' | 'back' }) => ({
      attempt: context.attempt + 1,
      tries: context.tries + 1,
      direction: params.direction,
      reason: null,
    })),
    resetTries: assign({ tries: 0 }),
    beginReturn: assign({ tries: 0, stays: false }),
    acceptLoss: assign({ lossAccepted: true, returnRequested: 'rolledBack' as const }),
    /** Each acceptance is for one way back: what is lost is another thing the next time. */
    withdrawLoss: assign({ lossAccepted: false }),
    stay: assign({ stays: true, returnRequested: null, pauseRequested: false }),
    serve: assign((_, params: { by: 'source' | 'held' | 'cluster' }) => ({ serving: params.by })),
    approve: assign({ approved: true, reason: null, tries: 0 }),
    /** After spent tries an org in `ready` needs a fresh approval, or it would flip again at once. */
    withdrawApproval: assign({ approved: false }),
    requestPause: assign({ pauseRequested: true }),
    withdrawPause: assign({ pauseRequested: false }),
    requestReturn: assign((_, params: { outcome: 'rolledBack' | 'cancelled' }) => ({
      returnRequested: params.outcome,
    })),
    keepReason: assign(({ event }) => ({ reason: failureOf(event) })),
    refusePreflight: assign(({ event }) => ({ reason: refusalOf(event) })),
    noteMismatch: assign(({ event }) => ({ reason: mismatchOf(event) })),
    /** An attempt that a new owner aborts has no other reason, unless the commit itself had failed. */
    noteTakeOver: assign(({ context }) => ({ reason: context.reason ?? takenOver })),
    forgetReason: assign({ reason: null }),
    rememberLobSize: assign(({ event, context }) => ({
      largestLobBytes: event.type === 'snapshot.done' ? event.output.largestLobBytes : context.largestLobBytes,
    })),
    markVerified: assign({ verified: true }),
    /** A comparison that begins anew takes back what an earlier one found. */
    doubt: assign({ verified: false }),
    resumeAt: assign((_, params: { point: ResumePoint }) => ({ resumeAt: params.point })),
    endAs: assign((_, params: { outcome: 'completed' | 'rolledBack' | 'cancelled' }) => ({ outcome: params.outcome })),
    /** The end that was asked for; a way back that began by itself ends as rolled back. */
    endAsRequested: assign(({ context }) => ({ outcome: context.returnRequested ?? ('rolledBack' as const) })),
  },
  guards: {
    pauseRequested: ({ context }) => context.pauseRequested,
    returnRequested: ({ context }) => context.returnRequested !== null,
    cancelRequested: ({ context }) => context.returnRequested === 'cancelled',
    approved: ({ context }) => context.approved,
    triesLeft: ({ context }) => context.tries < context.policy.flipTries,
    replicationTriesLeft: ({ context }) => context.replicationTries < context.policy.replicationTries,
    preflightPassed: ({ event }) => event.type === 'preflight.done' && event.output.refusals === 0,
    decidedCommit: ({ event }) =>
      (event.type === 'flip.commit.done' || event.type === 'flip.decide.done') && event.output.decision === 'commit',
    schemaDrifted: ({ event }) => 'failure' in event && event.failure.code === 'SCHEMA_DRIFT',
    sidesEqual: ({ event }) => event.type === 'verify.done' && event.output.outcome === 'equal',
    mismatchRollsBack: ({ context }) => context.policy.onMismatch === 'rollback',
    verified: ({ context }) => context.verified,
    mayComplete: ({ context }) => context.verified && context.serving === 'cluster',
    completesByItself: ({ context }) =>
      context.policy.completion === 'auto' && !context.pauseRequested && context.verified && !context.stays,
    onCluster: ({ context }) => context.serving === 'cluster',
    /** Before the first commit: nothing at the cluster is of any worth. */
    mayLeave: ({ context }) => context.serving === 'source' && !afterWayBack.has(context.resumeAt),
    /** On the cluster, after a way back that could not be gone. */
    cannotReturn: ({ context }) => context.serving === 'cluster' && context.resumeAt === 'rollingBack',
    lossAccepted: ({ context }) => context.lossAccepted,
    wasIn: ({ context }, params: { point: ResumePoint }) => context.resumeAt === params.point,
  },
});

/** The org is back at the source, and what the cluster holds may still be needed. */
const afterWayBack: ReadonlySet<ResumePoint> = new Set(['settlingBack', 'comparingBack', 'exportingLast']);

const takenOver: Failure = {
  code: 'FLIP_TAKEN_OVER',
  message: 'the controller that owned the flip fell silent before the commit; its successor aborted it',
  remedy: 'Look why that controller died, froze or lost the store; then approve or retry.',
  details: {},
};

function failureOf(event: MigrationEvent): Failure | null {
  if ('failure' in event) return event.failure;
  if (event.type === 'deadline.flip') {
    return {
      code: 'FLIP_BUDGET_SPENT',
      message: 'the budget of the flip was spent before the commit point',
      remedy: 'Look at the attempt’s phase timings for the slow step; the flip is tried again.',
      details: {},
    };
  }
  return null;
}

function refusalOf(event: MigrationEvent): Failure | null {
  if (event.type !== 'preflight.done') return failureOf(event);
  return {
    code: 'PREFLIGHT_REFUSED',
    message: `preflight has ${event.output.refusals} finding(s) that refuse the move`,
    remedy: 'Mend each finding in the status, then retry.',
    details: { refusals: event.output.refusals },
  };
}

function mismatchOf(event: MigrationEvent): Failure | null {
  if (event.type !== 'verify.done') return failureOf(event);
  return {
    code: 'SIDES_DIFFER',
    message: `the comparison found ${event.output.mismatches} row(s) that differ`,
    remedy: 'Look at the sample in the status; the policy decides whether the org goes back.',
    details: { mismatches: event.output.mismatches },
  };
}

/** Entry and exit of a state that has an effect running while it is active. */
export function during(effect: EffectName) {
  return {
    entry: { type: 'ask', params: { effect } },
    exit: { type: 'drop', params: { effect } },
  } as const;
}

/** Both ways with a pause that takes effect at the next safe place: until then it can be taken back. */
export const pausing = {
  pause: { actions: 'requestPause' },
  resume: { guard: 'pauseRequested', actions: 'withdrawPause' },
} as const;

/** Parameters of the deadline between two attempts. */
export const backoffDeadline = ({ context }: { context: MigrationContext }) => ({
  deadline: 'backoff' as const,
  afterMs: backoffMs(context),
});
