import { during, migration } from '../setup.ts';

/**
 * What a way back has besides, where an approver accepts that some writes stay behind. Until the commit point the
 * cluster goes on serving, and whatever fails gives the decision back: nothing has been thrown away.
 */

const notAccepted = {
  target: '#migration.needsOperator',
  actions: ['keepReason', 'withdrawLoss', { type: 'resumeAt', params: { point: 'rollingBack' } }],
} as const;

/** What has not travelled by now is written down first, while nothing is held and everything still stands. */
export const exporting = migration.createStateConfig({
  ...during('loss.export'),
  on: {
    'loss.export.done': 'detaching',
    'loss.export.failed': notAccepted,
    // An export of many rows takes its time: it can be called off.
    resume: { target: '#migration.soaking', actions: ['withdrawLoss', 'stay'] },
  },
});

/** At this point we know: everything lost so far stands in a file. From here the ordinary way back is closed. */
export const detaching = migration.createStateConfig({
  ...during('loss.detach'),
  on: { 'loss.detach.done': 'prepare', 'loss.detach.failed': notAccepted },
});

/** The source serves, the cluster is closed to everybody: what lies only there is written down exactly, and proven. */
export const exportingLast = migration.createStateConfig({
  ...during('loss.exportLast'),
  on: {
    'loss.exportLast.done': '#migration.cleaningUp',
    'loss.exportLast.failed': {
      target: '#migration.needsOperator',
      actions: ['keepReason', { type: 'resumeAt', params: { point: 'exportingLast' } }],
    },
  },
});
