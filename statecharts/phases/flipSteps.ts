import { during, migration, pausing } from '../setup.ts';

/**
 * The steps of a flip, the same both ways. Nothing is decided before `commit`, and until then every failure, the spent
 * budget and a user's change of mind lead to `aborting`: the side that served goes on serving. After `commit` there is
 * only `release`. All steps behind `hold` live in memory: a new owner finds the journal in `hold`, takes the
 * attempt as undecided and asks the store what was decided.
 */

const abort = [{ target: 'aborting', actions: 'keepReason' }] as const;

export const hold = migration.createStateConfig({
  ...during('flip.hold'),
  on: { 'flip.hold.done': 'drain' },
});
export const drain = migration.createStateConfig({
  ...during('flip.drain'),
  tags: ['memory'],
  on: { 'flip.drain.done': 'fence' },
});
export const fence = migration.createStateConfig({
  ...during('flip.fence'),
  tags: ['memory'],
  // Under an accepted loss no task is left that a marker could travel with.
  on: { 'flip.fence.done': [{ guard: 'lossAccepted', target: 'pinViews' }, { target: 'marker' }] },
});
export const marker = migration.createStateConfig({
  ...during('flip.marker'),
  tags: ['memory'],
  on: { 'flip.marker.done': 'pinViews' },
});
export const pinViews = migration.createStateConfig({
  ...during('flip.pin'),
  tags: ['memory'],
  on: { 'flip.pin.done': 'parkReads' },
});
export const parkReads = migration.createStateConfig({
  ...during('flip.park'),
  tags: ['memory'],
});

/** Nothing decided: the one deadline of the budget covers all steps, and every way out is an abort. */
export const undecided = migration.createStateConfig({
  initial: 'hold',
  tags: ['undecided', 'holding'],
  entry: [
    { type: 'serve', params: { by: 'held' } },
    {
      type: 'setDeadline',
      params: ({ context }) => ({ deadline: 'flip' as const, afterMs: context.policy.flipBudgetMs }),
    },
  ],
  exit: { type: 'clearDeadline', params: { deadline: 'flip' } },
  states: { hold, drain, fence, marker, pinViews, parkReads },
  on: {
    'flip.park.done': 'commit',
    'flip.hold.failed': abort,
    'flip.drain.failed': abort,
    'flip.fence.failed': abort,
    'flip.marker.failed': abort,
    'flip.pin.failed': abort,
    'flip.park.failed': abort,
    'deadline.flip': abort,
    recover: 'recovering',
    ...pausing,
  },
});

export const commit = migration.createStateConfig({
  ...during('flip.commit'),
  tags: ['memory', 'undecided', 'holding'],
  on: {
    'flip.commit.done': [{ guard: 'decidedCommit', target: 'release' }, { target: 'aborting' }],
    // The commit may stand all the same: only the store knows.
    'flip.commit.failed': { target: 'recovering', actions: 'keepReason' },
    recover: 'recovering',
    ...pausing,
  },
});

/** What was decided is asked before anything is done: by a new owner, and after a commit whose end is not known. */
export const recovering = migration.createStateConfig({
  ...during('flip.decide'),
  tags: ['memory', 'undecided', 'holding'],
  on: {
    'flip.decide.done': [
      { guard: 'decidedCommit', target: 'release' },
      { target: 'aborting', actions: 'noteTakeOver' },
    ],
    ...pausing,
  },
});
