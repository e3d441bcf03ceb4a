import type { MigrationContext } from '../context.ts';
import { during, migration } from '../setup.ts';

/** The org is served by the cluster: from here the way out is forward, or back without loss. */

/** settle · compare. A way back that is asked for while the new task is being started waits for it: it is that way. */
export const verifying = migration.createStateConfig({
  initial: 'settling',
  on: { pause: { actions: 'requestPause' }, resume: { actions: 'withdrawPause' } },
  states: {
    settling: {
      ...during('flip.settle'),
      on: {
        'flip.settle.done': [{ guard: 'returnRequested', target: '#migration.rollingBack' }, { target: 'comparing' }],
        'flip.settle.failed': {
          target: '#migration.needsOperator',
          actions: ['keepReason', { type: 'resumeAt', params: { point: 'verifying' } }],
        },
        rollback: { actions: { type: 'requestReturn', params: { outcome: 'rolledBack' } } },
      },
    },
    /** A large org is compared for hours: the guards are on from the first moment. */
    comparing: {
      entry: [
        'doubt',
        { type: 'ask', params: { effect: 'verify' } },
        { type: 'ask', params: { effect: 'verify.watch' } },
      ],
      exit: [
        { type: 'drop', params: { effect: 'verify' } },
        { type: 'drop', params: { effect: 'verify.watch' } },
      ],
      on: {
        'verify.done': [
          { guard: 'sidesEqual', target: '#migration.soaking', actions: ['markVerified', 'forgetReason'] },
          { guard: 'mismatchRollsBack', target: '#migration.rollingBack', actions: 'noteMismatch' },
          { target: '#migration.soaking', actions: 'noteMismatch' },
        ],
        // Without a comparison the org stays under watch, unverified: it cannot complete.
        'verify.failed': { target: '#migration.soaking', actions: 'keepReason' },
        'verify.watch.failed': { target: '#migration.rollingBack', actions: 'keepReason' },
        rollback: {
          target: '#migration.rollingBack',
          actions: { type: 'requestReturn', params: { outcome: 'rolledBack' } },
        },
      },
    },
  },
});

const soakAgain = {
  type: 'setDeadline',
  params: ({ context }: { context: MigrationContext }) => ({
    deadline: 'soak' as const,
    afterMs: context.policy.soakMs,
  }),
} as const;

/** Under watch on the cluster. A pause holds back completion only, never the guards. */
export const soaking = migration.createStateConfig({
  entry: [{ type: 'ask', params: { effect: 'soak.watch' } }, soakAgain],
  exit: [
    { type: 'drop', params: { effect: 'soak.watch' } },
    { type: 'clearDeadline', params: { deadline: 'soak' } },
  ],
  initial: 'watching',
  states: {
    watching: { on: { 'deadline.soak': 'soaked' } },
    soaked: { always: { guard: 'completesByItself', target: 'schemaCheck' } },
    /** Kept back while the schema has changed; the guards stay on. */
    schemaCheck: {
      ...during('schema.watch'),
      on: {
        'schema.watch.done': '#migration.completing',
        // What keeps completion back may pass: one that completes by itself tries again.
        'schema.watch.failed': { target: 'watching', actions: ['keepReason', soakAgain] },
        pause: { target: 'soaked', actions: 'requestPause' },
      },
    },
  },
  on: {
    'soak.watch.failed': { target: 'rollingBack', actions: 'keepReason' },
    rollback: { target: 'rollingBack', actions: { type: 'requestReturn', params: { outcome: 'rolledBack' } } },
    complete: { guard: 'verified', target: '.schemaCheck' },
    // An unverified org is compared again.
    retry: { target: 'verifying.comparing' },
    pause: { actions: 'requestPause' },
    resume: { actions: 'withdrawPause' },
  },
});

export const completing = migration.createStateConfig({
  ...during('complete'),
  on: {
    'complete.done': {
      target: 'completed',
      actions: [{ type: 'endAs', params: { outcome: 'completed' } }, 'forgetReason'],
    },
    'complete.failed': {
      target: 'needsOperator',
      actions: ['keepReason', { type: 'resumeAt', params: { point: 'completing' } }],
    },
  },
});
