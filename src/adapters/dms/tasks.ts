import { ReplicationRefusedError, TaskFailedError } from '../../errors/replication.ts';
import type { BinlogPosition } from '../../ports/place.ts';
import type { TaskPlan, TaskRef, TaskState } from '../../ports/replication.ts';
import { type Act, type DriveDeps, driveTask } from './drive.ts';
import { parseTableMapping, sameSelection, tableMapping, tablesOf } from './mapping.ts';
import type { HeartbeatTable } from './options.ts';
import { endpointsOf, type Region } from './region.ts';
import type { ObservedTask } from './replies.ts';
import { taskSettings } from './settings.ts';
import { settingsDifferences } from './settingsCheck.ts';
import { loadVerdict } from './steps.ts';
import { readTask } from './taskReads.ts';

export interface TaskDeps extends DriveDeps {
  readonly heartbeat: HeartbeatTable;
  readonly tags: Readonly<Record<string, string>>;
}

/** Makes the task unless it is there, and proves that what is there is what was planned. */
export async function ensureTask(deps: TaskDeps, taskId: string, plan: TaskPlan, signal: AbortSignal): Promise<void> {
  const { region, heartbeat, tags } = deps;
  const mapping = tableMapping(plan, heartbeat);
  const { sourceEndpointArn, targetEndpointArn } = endpointsOf(region, plan.ref.direction);
  await region.connections.ensureTested([sourceEndpointArn, targetEndpointArn], signal);
  const request = {
    taskId,
    instanceArn: region.config.replicationInstanceArn,
    sourceEndpointArn,
    targetEndpointArn,
    migrationType: plan.ref.direction === 'forward' ? 'full-load-and-cdc' : 'cdc',
    tableMappings: JSON.stringify(mapping),
    settings: JSON.stringify(taskSettings(plan.largestLobBytes)),
    tags,
  } as const;
  const create: Act = () =>
    region.calls.act('CreateReplicationTask', (api, within) => api.createTask(request, within), signal);

  await driveTask(deps, taskId, 'present', create, signal);
  const task = await readTaskForSure(region, taskId, signal);
  const wrong = [
    task.migrationType === request.migrationType ? null : `migration type ${task.migrationType}`,
    task.sourceEndpointArn === sourceEndpointArn ? null : `source endpoint ${task.sourceEndpointArn}`,
    task.targetEndpointArn === targetEndpointArn ? null : `target endpoint ${task.targetEndpointArn}`,
    task.instanceArn === request.instanceArn ? null : `replication instance ${task.instanceArn}`,
  ].filter((one) => one !== null);
  const selected = parseTableMapping(task.mappings ?? '');
  if (selected === null || !sameSelection(selected, mapping)) wrong.push('table mappings');
  const settings = settingsDifferences(task.settings ?? '', plan.largestLobBytes);
  if (settings === null) wrong.push('unreadable settings');
  for (const { setting, wanted, found } of settings ?? []) {
    wrong.push(`${setting} is ${JSON.stringify(found) ?? 'missing'} instead of ${JSON.stringify(wanted)}`);
  }
  if (wrong.length > 0) {
    throw new ReplicationRefusedError(`task ${taskId} is not what was planned: ${wrong.join('; ')}`, {
      details: { taskId, differences: wrong },
    });
  }
}

/** Starts the task, or lets it go on from its checkpoint. Resolves when it runs. */
export async function ensureStarted(
  deps: TaskDeps,
  taskId: string,
  ref: TaskRef,
  from: BinlogPosition | null,
  signal: AbortSignal,
): Promise<void> {
  if ((from === null) !== (ref.direction === 'forward')) {
    const rule = 'a reverse task starts from a position, a forward task from none';
    throw new ReplicationRefusedError(`task ${taskId}: ${rule}`, { details: { taskId, from } });
  }
  const { region } = deps;
  const { sourceEndpointArn, targetEndpointArn } = endpointsOf(region, ref.direction);
  const endpoints = [sourceEndpointArn, targetEndpointArn];
  await region.connections.ensureTested(endpoints, signal);

  const start: Act = async (action, task) => {
    const resume = action === 'resume';
    const request = {
      taskArn: arnOf(task),
      startType: resume ? 'resume-processing' : 'start-replication',
      cdcStartPosition: resume || from === null ? null : `${from.file}:${from.position}`,
    } as const;
    const result = await region.calls.act(
      'StartReplicationTask',
      (api, within) => api.startTask(request, within),
      signal,
    );
    if (result.outcome === 'wrongState') {
      // One cause is a connection whose test is no longer good.
      region.connections.forget(endpoints);
      await region.connections.ensureTested(endpoints, signal);
    }
    return result;
  };
  await driveTask(deps, taskId, 'running', start, signal);
}

/** Stops and deletes the task, as often as it takes: a task that resumes itself meanwhile is stopped again. */
export async function ensureGone(deps: TaskDeps, taskId: string, signal: AbortSignal): Promise<void> {
  const { calls } = deps.region;
  const remove: Act = (action, task) => {
    const request = { taskArn: arnOf(task) };
    return action === 'stop'
      ? calls.act('StopReplicationTask', (api, within) => api.stopTask(request, within), signal)
      : calls.act('DeleteReplicationTask', (api, within) => api.deleteTask(request, within), signal);
  };
  await driveTask(deps, taskId, 'gone', remove, signal);
}

/** Follows a full load to its end. */
export async function waitFullLoad(
  { region }: TaskDeps,
  taskId: string,
  signal: AbortSignal,
  onProgress: (state: TaskState) => void,
): Promise<TaskState> {
  const release = region.poller.watches.hold(taskId);
  try {
    const mapping = parseTableMapping((await readTaskForSure(region, taskId, signal)).mappings ?? '');
    if (mapping === null) throw new TaskFailedError(taskId, 'its table mappings cannot be read');
    const expected = tablesOf(mapping);
    let absentSinceMs: number | null = null;
    for (;;) {
      const sweep = await region.poller.fresh(signal);
      const task = sweep.tasks.get(taskId);
      const state = region.poller.stateOf(taskId, sweep);
      if (task === undefined || state === null) {
        absentSinceMs ??= sweep.beganMs;
        if (sweep.beganMs - absentSinceMs >= region.settleMs) throw new TaskFailedError(taskId, 'it does not exist');
        continue;
      }
      absentSinceMs = null;
      const tables = region.poller.hasTables(taskId, sweep) ? region.poller.watches.tables(taskId) : null;
      onProgress(state);
      const verdict = loadVerdict(task, tables, expected);
      if (verdict.kind === 'complete') return state;
      if (verdict.kind === 'failed') {
        throw new TaskFailedError(taskId, verdict.why, {
          status: task.status,
          stopReason: task.stopReason,
          erroredTables: state.erroredTables,
        });
      }
    }
  } finally {
    release();
  }
}

/** The task with its mappings and settings. A Describe may not show it yet, although another one did. */
async function readTaskForSure(region: Region, taskId: string, signal: AbortSignal): Promise<ObservedTask> {
  let absentSinceMs: number | null = null;
  for (;;) {
    const task = await readTask(region.calls, taskId, signal);
    if (task !== null) return task;
    const sweep = await region.poller.fresh(signal);
    absentSinceMs ??= sweep.beganMs;
    if (!sweep.tasks.has(taskId) && sweep.beganMs - absentSinceMs >= region.settleMs) {
      throw new TaskFailedError(taskId, 'it does not exist');
    }
  }
}

function arnOf(task: ObservedTask | null): string {
  if (task === null) throw new TypeError('only a task that is shown can be changed');
  return task.arn;
}
