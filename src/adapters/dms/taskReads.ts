import type { TaskTable } from '../../ports/replication.ts';
import type { RegionCalls } from './calls.ts';
import { foreignTaskSchema, type ObservedTask, tableSchema, taskSchema } from './replies.ts';
import { parseTaskId } from './taskId.ts';

/** Largest pages that DMS gives. */
const tasksPerPage = 100;
const tablesPerPage = 500;

/** All tasks of the region in one paged Describe: ours in full, others only counted. */
export async function readTasks(
  calls: RegionCalls,
  taskPrefix: string,
  signal: AbortSignal,
): Promise<{ tasks: Map<string, ObservedTask>; tasksByInstance: Map<string, number> }> {
  const operation = 'DescribeReplicationTasks';
  const items = await calls.readAll(
    operation,
    'ReplicationTasks',
    (api, { marker }, within) =>
      api.describeTasks({ filters: [], marker, maxRecords: tasksPerPage, withoutSettings: true }, within),
    signal,
  );
  const tasks = new Map<string, ObservedTask>();
  const tasksByInstance = new Map<string, number>();
  for (const item of items ?? []) {
    const anybodys = calls.parse(operation, foreignTaskSchema, item);
    const instance = anybodys.ReplicationInstanceArn;
    tasksByInstance.set(instance, (tasksByInstance.get(instance) ?? 0) + 1);
    if (parseTaskId(taskPrefix, anybodys.ReplicationTaskIdentifier) === null) continue;
    const task = calls.parse(operation, taskSchema, item);
    tasks.set(task.id, task);
  }
  return { tasks, tasksByInstance };
}

/** One task with its mappings and settings; null where DMS shows none. */
export async function readTask(calls: RegionCalls, taskId: string, signal: AbortSignal): Promise<ObservedTask | null> {
  const operation = 'DescribeReplicationTasks';
  const filters = [{ name: 'replication-task-id', values: [taskId] }];
  const items = await calls.readAll(
    operation,
    'ReplicationTasks',
    (api, { marker }, within) =>
      api.describeTasks({ filters, marker, maxRecords: tasksPerPage, withoutSettings: false }, within),
    signal,
  );
  const tasks = (items ?? []).map((item) => calls.parse(operation, taskSchema, item));
  return tasks.find(({ id }) => id === taskId) ?? null;
}

/** Statistics of all tables of a task; null where DMS has none. */
export async function readTableStatistics(
  calls: RegionCalls,
  taskArn: string,
  signal: AbortSignal,
): Promise<readonly TaskTable[] | null> {
  const operation = 'DescribeTableStatistics';
  const items = await calls.readAll(
    operation,
    'TableStatistics',
    (api, { marker }, within) => api.describeTableStatistics({ taskArn, marker, maxRecords: tablesPerPage }, within),
    signal,
  );
  return items === null ? null : items.map((item) => calls.parse(operation, tableSchema, item));
}
