import { during, migration, pausing } from '../setup.ts';

/** Before the commit point an org can always leave: its rows have never stopped being served by the source. */
const leave = {
  rollback: { target: '#migration.cleaningUp', actions: { type: 'requestReturn', params: { outcome: 'rolledBack' } } },
  cancel: { target: '#migration.cleaningUp', actions: { type: 'requestReturn', params: { outcome: 'cancelled' } } },
} as const;

export const planned = migration.createStateConfig({
  on: { start: 'preflight', ...leave },
});

export const preflight = migration.createStateConfig({
  ...during('preflight'),
  on: {
    'preflight.done': [
      {
        guard: 'preflightPassed',
        target: 'preflightPassed',
        actions: 'forgetReason',
      },
      {
        target: 'needsOperator',
        actions: ['refusePreflight', { type: 'resumeAt', params: { point: 'preflight' } }],
      },
    ],
    'preflight.failed': {
      target: 'needsOperator',
      actions: ['keepReason', { type: 'resumeAt', params: { point: 'preflight' } }],
    },
    ...pausing,
    ...leave,
  },
});

/** A safe place for a pause: nothing has been written yet. */
export const preflightPassed = migration.createStateConfig({
  always: [
    { guard: 'pauseRequested', target: 'paused', actions: { type: 'resumeAt', params: { point: 'snapshot' } } },
    { target: 'snapshot' },
  ],
});

export const snapshot = migration.createStateConfig({
  ...during('snapshot'),
  on: {
    'snapshot.done': { target: 'snapshotTaken', actions: 'rememberLobSize' },
    'snapshot.failed': {
      target: 'needsOperator',
      actions: ['keepReason', { type: 'resumeAt', params: { point: 'snapshot' } }],
    },
    ...pausing,
    ...leave,
  },
});

/** A safe place for a pause: no task exists yet. */
export const snapshotTaken = migration.createStateConfig({
  always: [
    { guard: 'pauseRequested', target: 'paused', actions: { type: 'resumeAt', params: { point: 'replicating' } } },
    { target: 'replicating' },
  ],
});

/** task · fullLoad · cdc. A task that failed is never reloaded: it and the org's rows at the target go, then a new one comes. */
export const replicating = migration.createStateConfig({
  initial: 'reset',
  on: { ...pausing, ...leave },
  states: {
    reset: {
      ...during('replication.reset'),
      on: {
        'replication.reset.done': 'task',
        'replication.reset.failed': {
          target: '#migration.needsOperator',
          actions: ['keepReason', { type: 'resumeAt', params: { point: 'replicating' } }],
        },
      },
    },
    task: {
      entry: ['beginReplication', { type: 'ask', params: { effect: 'replication.create' } }],
      exit: { type: 'drop', params: { effect: 'replication.create' } },
      on: {
        'replication.create.done': 'fullLoad',
        'replication.create.failed': { target: 'failed', actions: 'keepReason' },
      },
    },
    fullLoad: {
      ...during('replication.fullLoad'),
      on: {
        'replication.fullLoad.done': 'cdc',
        'replication.fullLoad.failed': { target: 'failed', actions: 'keepReason' },
      },
    },
    cdc: {
      ...during('replication.catchUp'),
      on: {
        'replication.catchUp.done': { target: 'inStep', actions: 'forgetReason' },
        'replication.catchUp.failed': { target: 'failed', actions: 'keepReason' },
      },
    },
    inStep: {
      always: [
        {
          guard: 'pauseRequested',
          target: '#migration.paused',
          actions: { type: 'resumeAt', params: { point: 'lagCheck' } },
        },
        { target: '#migration.lagCheck' },
      ],
    },
    failed: {
      always: [
        { guard: 'replicationTriesLeft', target: 'reset' },
        {
          target: '#migration.needsOperator',
          actions: { type: 'resumeAt', params: { point: 'replicating' } },
        },
      ],
    },
  },
});

export const lagCheck = migration.createStateConfig({
  ...during('lag.check'),
  on: {
    'lag.check.done': 'ready',
    'lag.check.failed': { target: '#migration.replicating.failed', actions: 'keepReason' },
    approve: { actions: 'approve' },
    pause: {
      target: 'paused',
      actions: ['requestPause', { type: 'resumeAt', params: { point: 'lagCheck' } }],
    },
    ...leave,
  },
});

/** Waits for the approval; a lag breach goes back to the check. */
export const ready = migration.createStateConfig({
  ...during('lag.watch'),
  always: { guard: 'approved', target: 'flipping', actions: 'resetTries' },
  on: {
    'lag.watch.failed': [
      { guard: 'schemaDrifted', target: 'drifted', actions: 'keepReason' },
      { target: 'lagCheck', actions: 'keepReason' },
    ],
    approve: { actions: 'approve' },
    pause: {
      target: 'paused',
      actions: ['requestPause', { type: 'resumeAt', params: { point: 'lagCheck' } }],
    },
    ...leave,
  },
});

/** The tables have changed: nothing is held and no flip begins before somebody accepts it, or it is changed back. */
export const drifted = migration.createStateConfig({
  ...during('schema.watch'),
  on: {
    'schema.watch.done': { target: 'lagCheck', actions: 'forgetReason' },
    'schema.watch.failed': {
      target: 'paused',
      actions: ['keepReason', { type: 'resumeAt', params: { point: 'lagCheck' } }],
    },
    pause: {
      target: 'paused',
      actions: ['requestPause', { type: 'resumeAt', params: { point: 'lagCheck' } }],
    },
    ...leave,
  },
});

/** Nothing goes on; what replicates goes on replicating. */
export const paused = migration.createStateConfig({
  on: {
    resume: [
      { guard: { type: 'wasIn', params: { point: 'snapshot' } }, target: 'snapshot', actions: 'withdrawPause' },
      { guard: { type: 'wasIn', params: { point: 'replicating' } }, target: 'replicating', actions: 'withdrawPause' },
      { target: 'lagCheck', actions: 'withdrawPause' },
    ],
    ...leave,
  },
});
