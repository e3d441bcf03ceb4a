import { backoffDeadline, during, migration, pausing } from '../setup.ts';
import { commit, recovering, undecided } from './flipSteps.ts';

/**
 * hold · drain · fence · marker · pinViews · parkReads · commit · release: the org's writes wait from `hold` until
 * `release` or the end of `aborting`, all under one budget. Before `commit` the source serves again after any failure.
 */
export const flipping = migration.createStateConfig({
  initial: 'prepare',
  states: {
    prepare: {
      entry: [
        { type: 'beginAttempt', params: { direction: 'forward' } },
        { type: 'ask', params: { effect: 'flip.prepare' } },
      ],
      exit: { type: 'drop', params: { effect: 'flip.prepare' } },
      on: {
        'flip.prepare.done': 'undecided',
        'flip.prepare.failed': [
          // No try makes that better: the org waits for somebody to decide.
          { guard: 'schemaDrifted', target: '#migration.drifted', actions: 'keepReason' },
          { target: 'afterAbort', actions: 'keepReason' },
        ],
        pause: { target: 'afterAbort', actions: 'requestPause' },
        rollback: { target: 'afterAbort', actions: { type: 'requestReturn', params: { outcome: 'rolledBack' } } },
        cancel: { target: 'afterAbort', actions: { type: 'requestReturn', params: { outcome: 'cancelled' } } },
      },
    },
    undecided: {
      ...undecided,
      on: {
        ...undecided.on,
        rollback: { target: 'aborting', actions: { type: 'requestReturn', params: { outcome: 'rolledBack' } } },
        cancel: { target: 'aborting', actions: { type: 'requestReturn', params: { outcome: 'cancelled' } } },
      },
    },
    commit,
    recovering,
    release: {
      ...during('flip.release'),
      tags: ['memory', 'undecided', 'holding'],
      on: {
        'flip.release.done': { target: '#migration.verifying', actions: { type: 'serve', params: { by: 'cluster' } } },
        recover: 'recovering',
        ...pausing,
        rollback: { actions: { type: 'requestReturn', params: { outcome: 'rolledBack' } } },
      },
    },
    aborting: {
      ...during('flip.abort'),
      tags: ['memory', 'undecided', 'holding'],
      on: {
        'flip.abort.done': { target: 'afterAbort', actions: { type: 'serve', params: { by: 'source' } } },
        ...pausing,
        rollback: { actions: { type: 'requestReturn', params: { outcome: 'rolledBack' } } },
        cancel: { actions: { type: 'requestReturn', params: { outcome: 'cancelled' } } },
      },
    },
    afterAbort: {
      always: [
        { guard: 'returnRequested', target: '#migration.cleaningUp' },
        {
          guard: 'pauseRequested',
          target: '#migration.paused',
          actions: { type: 'resumeAt', params: { point: 'lagCheck' } },
        },
        { guard: 'triesLeft', target: 'backoff' },
        { target: '#migration.ready', actions: 'withdrawApproval' },
      ],
    },
    backoff: {
      entry: { type: 'setDeadline', params: backoffDeadline },
      exit: { type: 'clearDeadline', params: { deadline: 'backoff' } },
      on: {
        'deadline.backoff': 'prepare',
        pause: { target: 'afterAbort', actions: 'requestPause' },
        rollback: { target: 'afterAbort', actions: { type: 'requestReturn', params: { outcome: 'rolledBack' } } },
        cancel: { target: 'afterAbort', actions: { type: 'requestReturn', params: { outcome: 'cancelled' } } },
      },
    },
  },
});
