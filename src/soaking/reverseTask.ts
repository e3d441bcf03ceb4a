import type { MigrationContext } from '../../statecharts/context.ts';
import { CutoverError, TaskFailedError } from '../errors/index.ts';
import type { Guard } from './guard.ts';

/** Time between two looks at the poller's last observation (milliseconds). */
const lookEveryMs = 500;

/**
 * The reverse task failed, does not stay resumed, is gone, or has a table in error.
 * @param look throws `TaskFailedError` where the task is not well
 */
export function reverseTaskGuard(
  { policy }: Pick<MigrationContext, 'policy'>,
  look: () => Promise<'well' | 'resuming'>,
): Guard {
  return {
    code: 'REVERSE_TASK_FAILED',
    action: policy.onTaskFailed,
    forMs: policy.taskFailedForMs,
    everyMs: lookEveryMs,
    async look() {
      try {
        // While it is being resumed it is neither: whether it helps is seen afterwards.
        return (await look()) === 'well' ? { breach: false, value: 'well' } : null;
      } catch (error) {
        if (error instanceof TaskFailedError) return { breach: true, value: error.message };
        // Without an answer of the service that can be read nothing is known of the task.
        if (error instanceof CutoverError) return null;
        throw error;
      }
    },
    says: (why) => `the way back is broken: ${why}`,
  };
}
