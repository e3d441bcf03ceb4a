import { initialContext } from './context.ts';
import {
  drifted,
  lagCheck,
  paused,
  planned,
  preflight,
  preflightPassed,
  ready,
  replicating,
  snapshot,
  snapshotTaken,
} from './phases/beforeFlip.ts';
import { cleaningUp, needsOperator } from './phases/ending.ts';
import { flipping } from './phases/flipping.ts';
import { completing, soaking, verifying } from './phases/onCluster.ts';
import { rollingBack } from './phases/rollingBack.ts';
import { migration } from './setup.ts';

/** Version of the persisted snapshots; a change of states or context that old journals cannot be read with raises it. */
export const journalVersion = 1;

/** The path of one org, from `planned` to one of its three ends. */
export const migrationMachine = migration.createMachine({
  id: 'migration',
  context: ({ input }) => initialContext(input),
  initial: 'planned',
  states: {
    planned,
    preflight,
    preflightPassed,
    snapshot,
    snapshotTaken,
    replicating,
    lagCheck,
    ready,
    drifted,
    paused,
    flipping,
    verifying,
    soaking,
    completing,
    rollingBack,
    cleaningUp,
    needsOperator,
    completed: { type: 'final' },
    rolledBack: { type: 'final' },
    cancelled: { type: 'final' },
  },
});
