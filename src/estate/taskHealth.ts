import type { EffectRun } from '../driver/handlers.ts';
import { TaskFailedError } from '../errors/index.ts';
import type { TaskRef, TaskState } from '../ports/replication.ts';
import type { Estate } from './estate.ts';
import { taskRef } from './taskPlans.ts';

/** The org's task that matters now: the one that carries what the serving side writes. Throws `TaskFailedError`. */
export async function assertTaskHealthy(estate: Estate, run: EffectRun): Promise<void> {
  const ref = taskRef(run.migration, run.migration.serving === 'cluster' ? 'reverse' : 'forward');
  assertWell(ref, await estate.replication.observe(ref));
}

/** A running task with a table in error is a failed one. Throws `TaskFailedError`. */
export function assertWell(ref: TaskRef, state: TaskState | null): void {
  const name = taskName(ref);
  if (state === null) throw new TaskFailedError(name, 'the task does not exist any more');
  if (state.erroredTables.length > 0)
    throw new TaskFailedError(name, `tables in error: ${state.erroredTables.join(', ')}`);
  if (state.status === 'failed' || state.status === 'stopped') {
    throw new TaskFailedError(name, `${state.status}: ${state.lastFailure ?? state.stopReason ?? 'no reason given'}`);
  }
}

/** A task in the words of its readers. */
export function taskName({ direction, orgId }: TaskRef): string {
  return `${direction} of org ${orgId}`;
}
