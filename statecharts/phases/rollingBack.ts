import { backoffDeadline, during, migration } from '../setup.ts';
import { detaching, exporting, exportingLast } from './acceptedLoss.ts';
import { commit, recovering, undecided } from './flipSteps.ts';

/**
 * The flip the other way: first the reverse task has to be in step, with nothing held; then the same steps. An abort
 * leaves the cluster serving and tries again. What cannot catch up waits for an operator: no write is thrown away, unless
 * an approver accepts it. Then the way is exporting · detaching · the flip without its marker · settling · exportingLast.
 */
export const rollingBack = migration.createStateConfig({
  initial: 'catchUp',
  entry: 'beginReturn',
  states: {
    catchUp: {
      ...during('reverse.catchUp'),
      on: {
        'reverse.catchUp.done': 'prepare',
        'reverse.catchUp.failed': {
          target: '#migration.needsOperator',
          actions: ['keepReason', { type: 'resumeAt', params: { point: 'rollingBack' } }],
        },
      },
    },
    exporting,
    detaching,
    prepare: {
      entry: [
        { type: 'beginAttempt', params: { direction: 'back' } },
        { type: 'ask', params: { effect: 'flip.prepare' } },
      ],
      exit: { type: 'drop', params: { effect: 'flip.prepare' } },
      on: {
        'flip.prepare.done': 'undecided',
        'flip.prepare.failed': { target: 'afterAbort', actions: 'keepReason' },
      },
    },
    undecided,
    commit,
    recovering,
    release: {
      ...during('flip.release'),
      tags: ['memory', 'undecided', 'holding'],
      on: {
        'flip.release.done': { target: 'settling', actions: { type: 'serve', params: { by: 'source' } } },
        recover: 'recovering',
      },
    },
    aborting: {
      ...during('flip.abort'),
      tags: ['memory', 'undecided', 'holding'],
      on: { 'flip.abort.done': { target: 'afterAbort', actions: { type: 'serve', params: { by: 'cluster' } } } },
    },
    afterAbort: {
      always: [
        { guard: 'triesLeft', target: 'backoff' },
        {
          target: '#migration.needsOperator',
          actions: ['withdrawLoss', { type: 'resumeAt', params: { point: 'rollingBack' } }],
        },
      ],
    },
    backoff: {
      entry: { type: 'setDeadline', params: backoffDeadline },
      exit: { type: 'clearDeadline', params: { deadline: 'backoff' } },
      on: { 'deadline.backoff': [{ guard: 'lossAccepted', target: 'prepare' }, { target: 'catchUp' }] },
    },
    settling: {
      ...during('flip.settle'),
      on: {
        'flip.settle.done': [{ guard: 'lossAccepted', target: 'exportingLast' }, { target: 'comparing' }],
        'flip.settle.failed': {
          target: '#migration.needsOperator',
          actions: ['keepReason', { type: 'resumeAt', params: { point: 'settlingBack' } }],
        },
      },
    },
    exportingLast,
    comparing: {
      ...during('verify'),
      on: {
        'verify.done': [
          { guard: 'sidesEqual', target: '#migration.cleaningUp' },
          {
            target: '#migration.needsOperator',
            actions: ['noteMismatch', { type: 'resumeAt', params: { point: 'comparingBack' } }],
          },
        ],
        'verify.failed': {
          target: '#migration.needsOperator',
          actions: ['keepReason', { type: 'resumeAt', params: { point: 'comparingBack' } }],
        },
      },
    },
  },
});
