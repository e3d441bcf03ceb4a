import { during, migration } from '../setup.ts';

/** Rule 8: first every task that reads the target is gone, then the org's rows there. The source serves throughout. */
export const cleaningUp = migration.createStateConfig({
  ...during('clean.up'),
  on: {
    'clean.up.done': [
      { guard: 'cancelRequested', target: 'cancelled', actions: 'endAsRequested' },
      { target: 'rolledBack', actions: 'endAsRequested' },
    ],
    'clean.up.failed': {
      target: 'needsOperator',
      actions: ['keepReason', { type: 'resumeAt', params: { point: 'cleaningUp' } }],
    },
  },
});

/** Waits for a decision; the reason and what may be done stand in the status. */
export const needsOperator = migration.createStateConfig({
  on: {
    retry: [
      { guard: { type: 'wasIn', params: { point: 'preflight' } }, target: 'preflight', actions: 'forgetReason' },
      { guard: { type: 'wasIn', params: { point: 'snapshot' } }, target: 'snapshot', actions: 'forgetReason' },
      { guard: { type: 'wasIn', params: { point: 'replicating' } }, target: 'replicating', actions: ['forgetReason'] },
      { guard: { type: 'wasIn', params: { point: 'verifying' } }, target: 'verifying', actions: 'forgetReason' },
      { guard: { type: 'wasIn', params: { point: 'rollingBack' } }, target: 'rollingBack', actions: 'forgetReason' },
      {
        guard: { type: 'wasIn', params: { point: 'settlingBack' } },
        target: 'rollingBack.settling',
        actions: 'forgetReason',
      },
      {
        guard: { type: 'wasIn', params: { point: 'exportingLast' } },
        target: 'rollingBack.exportingLast',
        actions: 'forgetReason',
      },
      // The sides still differ: they are compared again before anything is deleted at the cluster.
      {
        guard: { type: 'wasIn', params: { point: 'comparingBack' } },
        target: 'rollingBack.comparing',
        actions: 'forgetReason',
      },
      { guard: { type: 'wasIn', params: { point: 'completing' } }, target: 'completing', actions: 'forgetReason' },
      { target: 'cleaningUp', actions: 'forgetReason' },
    ],
    rollback: [
      // Where the way back was never opened, that comes first.
      {
        guard: { type: 'wasIn', params: { point: 'verifying' } },
        target: 'verifying',
        actions: { type: 'requestReturn', params: { outcome: 'rolledBack' } },
      },
      {
        guard: 'onCluster',
        target: 'rollingBack',
        actions: { type: 'requestReturn', params: { outcome: 'rolledBack' } },
      },
      {
        guard: 'mayLeave',
        target: 'cleaningUp',
        actions: { type: 'requestReturn', params: { outcome: 'rolledBack' } },
      },
    ],
    // The three ways out where the way back cannot be gone, beside waiting on: to stay under watch, to stay for good, and
    // to let go of what has not travelled.
    resume: { guard: 'cannotReturn', target: 'soaking', actions: 'stay' },
    acceptLoss: [
      { guard: 'cannotReturn', target: 'rollingBack.exporting', actions: ['acceptLoss', 'forgetReason'] },
      // Back already, and rows differ that were perhaps written at the source since: they are exported, and let go.
      {
        guard: { type: 'wasIn', params: { point: 'comparingBack' } },
        target: 'rollingBack.exportingLast',
        actions: ['acceptLoss', 'forgetReason'],
      },
    ],
    complete: { guard: 'mayComplete', target: 'completing' },
    cancel: {
      guard: 'mayLeave',
      target: 'cleaningUp',
      actions: { type: 'requestReturn', params: { outcome: 'cancelled' } },
    },
  },
});
