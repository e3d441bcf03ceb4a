import type { TaskPlan, TaskRef } from '../../ports/replication.ts';
import { tableMapping } from './mapping.ts';
import type { HeartbeatTable } from './options.ts';
import { taskSettings } from './settings.ts';
import { taskIdOf } from './taskId.ts';

/** What a task is made with, from what it is made with. */
export function describeTasks({ taskPrefix, heartbeat }: { taskPrefix: string; heartbeat: HeartbeatTable }) {
  return {
    taskId: (ref: TaskRef) => taskIdOf(taskPrefix, ref),
    task: (plan: TaskPlan) => ({
      migrationType: plan.ref.direction === 'forward' ? 'full-load-and-cdc' : 'cdc',
      tableMappings: tableMapping(plan, heartbeat),
      settings: taskSettings(plan.largestLobBytes),
    }),
  };
}
