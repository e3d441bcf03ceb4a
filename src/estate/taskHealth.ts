import type { EffectRun } from '../driver/handlers.ts';
import { TaskFailedError } from '../errors/index.ts';
import type { Estate } from './estate.ts';
import { taskRef } from './taskPlans.ts';

/** A running task with a table in error is a failed one. */
export async function assertTaskHealthy(estate: Estate, run: EffectRun): Promise<void> {
  const ref = taskRef(run.migration, run.migration.serving === 'cluster' ? 'reverse' : 'forward');
  const state = await estate.replication.observe(ref);
  const id = `${ref.direction} of org ${ref.orgId}`;
  if (state === null) throw new TaskFailedError(id, 'the task does not exist any more');
  if (state.erroredTables.length > 0)
    throw new TaskFailedError(id, `tables in error: ${state.erroredTables.join(', ')}`);
  if (state.status === 'failed' || state.status === 'stopped') {
    throw new TaskFailedError(id, `${state.status}: ${state.lastFailure ?? state.stopReason ?? 'no reason given'}`);
  }
}
