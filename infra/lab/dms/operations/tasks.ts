import { z } from 'zod';
import { parsePosition } from '../binlog/position.ts';
import { alreadyExists, invalidCombination, invalidParameter, quotaExceeded, wrongState } from '../errors.ts';
import { checkIdentifier, checkResourceIdentifier } from '../identifiers.ts';
import { parseMappings } from '../mapping/rules.ts';
import type { Region } from '../region.ts';
import { parseSettings } from '../settings/settings.ts';
import { ReplicationTask, type StartOptions, type TaskDefinition } from '../task/task.ts';
import {
  applyFilters,
  filtersSchema,
  found,
  type Operation,
  operation,
  page,
  pageSchema,
  tagsSchema,
} from './shared.ts';
import { setTags } from './tags.ts';
import { showTask, visibleView } from './taskView.ts';

const migrationType = z.enum(['full-load', 'cdc', 'full-load-and-cdc']);

/** Timestamps come as seconds since 1970, as a number. */
const cdcStart = {
  CdcStartTime: z.number().optional(),
  CdcStartPosition: z.string().optional(),
  CdcStopPosition: z.string().optional(),
};

const createTask = operation(
  z.object({
    ReplicationTaskIdentifier: z.string(),
    SourceEndpointArn: z.string(),
    TargetEndpointArn: z.string(),
    ReplicationInstanceArn: z.string(),
    MigrationType: migrationType,
    TableMappings: z.string(),
    ReplicationTaskSettings: z.string().optional(),
    ...cdcStart,
    Tags: tagsSchema.optional(),
    TaskData: z.string().optional(),
    ResourceIdentifier: z.string().optional(),
  }),
  (input, region) => {
    checkIdentifier('ReplicationTaskIdentifier', input.ReplicationTaskIdentifier);
    checkResourceIdentifier(input.ResourceIdentifier);
    const identifier = input.ReplicationTaskIdentifier.toLowerCase();
    const arn = region.arn('task', input.ResourceIdentifier);
    if ([...region.tasks.values()].some((task) => task.definition.identifier === identifier) || region.tasks.has(arn)) {
      throw alreadyExists(`Replication Task ${identifier} already exists`);
    }
    const source = region.endpoint(input.SourceEndpointArn);
    const target = region.endpoint(input.TargetEndpointArn);
    const instance = region.instance(input.ReplicationInstanceArn);
    if (source.type !== 'source') throw invalidParameter(`Endpoint ${source.arn} is not a source endpoint`);
    if (target.type !== 'target') throw invalidParameter(`Endpoint ${target.arn} is not a target endpoint`);
    if (source.deleting || target.deleting) throw wrongState('An endpoint of the task is being deleted');
    if (instance.status !== 'available') throw wrongState(`Replication Instance ${instance.arn} is not available`);
    const { quotas } = region.config;
    const onInstance = [...region.tasks.values()].filter((task) => task.definition.instanceArn === instance.arn);
    if (region.tasks.size >= quotas.tasks || onInstance.length >= quotas.tasksPerInstance) {
      throw quotaExceeded('The quota for this resource quota has been exceeded: replication tasks');
    }
    checkStart(input.CdcStartTime, input.CdcStartPosition, input.MigrationType);
    checkStop(input.CdcStopPosition);
    const definition: TaskDefinition = {
      identifier,
      arn,
      sourceArn: source.arn,
      targetArn: target.arn,
      instanceArn: instance.arn,
      migrationType: input.MigrationType,
      tableMappings: input.TableMappings,
      settingsJson: input.ReplicationTaskSettings,
      cdcStartPosition: input.CdcStartPosition ?? isoOf(input.CdcStartTime),
      cdcStopPosition: input.CdcStopPosition ?? null,
      taskData: input.TaskData ?? null,
    };
    const task = new ReplicationTask(definition, region.config.latencies, region.faults, () =>
      region.sidesOf(definition),
    );
    region.tasks.set(arn, task);
    setTags(region, arn, input.Tags ?? []);
    return { ReplicationTask: showTask(task, null) };
  },
);

const describeTasks = operation(
  z.object({ Filters: filtersSchema, ...pageSchema(20, 100), WithoutSettings: z.boolean().optional() }),
  (input, region) => {
    const visible = [...region.tasks.values()].filter((task) => visibleView(task, region) !== null);
    const all = applyFilters(visible, input.Filters, {
      'replication-task-arn': (task) => task.definition.arn,
      'replication-task-id': (task) => task.definition.identifier,
      'migration-type': (task) => task.definition.migrationType,
      'replication-instance-arn': (task) => task.definition.instanceArn,
      'endpoint-arn': (task) => [task.definition.sourceArn, task.definition.targetArn],
    });
    const { items, ...marker } = page(
      found(all, input.Filters, 'No Tasks found matching criteria'),
      (task) => task.definition.identifier,
      input,
    );
    return {
      ...marker,
      ReplicationTasks: items.map((task) => {
        const { TableMappings, ReplicationTaskSettings, ...rest } = showTask(task, visibleView(task, region));
        return input.WithoutSettings === true ? rest : { ...rest, TableMappings, ReplicationTaskSettings };
      }),
    };
  },
);

const startTask = operation(
  z.object({
    ReplicationTaskArn: z.string(),
    StartReplicationTaskType: z.enum(['start-replication', 'resume-processing', 'reload-target']),
    ...cdcStart,
  }),
  (input, region) => {
    const task = region.task(input.ReplicationTaskArn);
    const { definition } = task;
    if (!['ready', 'stopped', 'failed'].includes(task.status)) {
      throw wrongState(`Replication Task ${definition.arn} cannot be started, it is currently ${task.status}`);
    }
    for (const endpoint of [definition.sourceArn, definition.targetArn]) {
      if (region.connection(definition.instanceArn, endpoint)?.status !== 'successful') {
        throw wrongState(
          `Replication Task ${definition.arn} cannot be started: the connection of endpoint ${endpoint} has not been tested successfully`,
        );
      }
    }
    const options = startOptions(task, input.StartReplicationTaskType, input);
    checkStop(input.CdcStopPosition);
    if (input.CdcStopPosition !== undefined) definition.cdcStopPosition = input.CdcStopPosition;
    if (input.CdcStartPosition !== undefined) definition.cdcStartPosition = input.CdcStartPosition;
    task.start(options);
    return { ReplicationTask: showTask(task, null) };
  },
);

function startOptions(
  task: ReplicationTask,
  type: 'start-replication' | 'resume-processing' | 'reload-target',
  input: { CdcStartTime?: number | undefined; CdcStartPosition?: string | undefined },
): StartOptions {
  const { migrationType: kind, cdcStartPosition } = task.definition;
  checkStart(input.CdcStartTime, input.CdcStartPosition, kind);
  if (type === 'resume-processing') {
    if (!task.everRan) {
      throw invalidCombination('Start Type : RESUME_PROCESSING, valid only for tasks that were run before');
    }
    if (kind === 'full-load') {
      throw invalidCombination('Start Type : RESUME_PROCESSING, not valid for a task of type full-load');
    }
    return { kind: 'resume', from: null, notBeforeMs: null };
  }
  if (type === 'reload-target') {
    if (kind === 'cdc') throw invalidCombination('Start Type : RELOAD_TARGET, not valid for a task of type cdc');
    if (!task.everRan) {
      throw invalidCombination('Start Type : RELOAD_TARGET, valid only for tasks that were run before');
    }
    return { kind: 'reload', from: null, notBeforeMs: null };
  }
  if (task.everRan && kind !== 'cdc') {
    throw invalidCombination('Start Type : START_REPLICATION, valid only for tasks running for the first time');
  }
  const startTime = input.CdcStartTime === undefined ? null : input.CdcStartTime * 1000;
  const position = input.CdcStartPosition ?? (startTime === null ? cdcStartPosition : null);
  if (kind !== 'cdc') return { kind: 'start', from: null, notBeforeMs: null };
  return {
    kind: 'start',
    from: position === null ? null : parsePosition(position),
    notBeforeMs: startTime ?? dateOf(position),
  };
}

function checkStart(time: number | undefined, position: string | undefined, kind: string): void {
  if (time !== undefined && position !== undefined) {
    throw invalidCombination('CdcStartTime and CdcStartPosition cannot both be specified');
  }
  if (kind === 'full-load' && (time !== undefined || position !== undefined)) {
    throw invalidCombination('A CDC start is not valid for a task of type full-load');
  }
  if (position !== undefined && parsePosition(position) === null && dateOf(position) === null) {
    throw invalidParameter(`CdcStartPosition ${position} is neither a date, a checkpoint nor a binary log position`);
  }
}

function checkStop(position: string | undefined): void {
  if (position === undefined) return;
  const match = /^commit_time:\s*(\S+)$/.exec(position);
  if (match?.[1] === undefined || Number.isNaN(Date.parse(match[1]))) {
    throw invalidParameter(`CdcStopPosition ${position} is not supported: commit_time:YYYY-MM-DDThh:mm:ss is`);
  }
}

function dateOf(text: string | null): number | null {
  if (text === null || !/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}/.test(text)) return null;
  return Date.parse(text.endsWith('Z') ? text : `${text}Z`);
}

const isoOf = (time: number | undefined): string | null =>
  time === undefined ? null : new Date(time * 1000).toISOString();

const stopTask = operation(z.object({ ReplicationTaskArn: z.string() }), (input, region) => {
  const task = region.task(input.ReplicationTaskArn);
  task.stop();
  return { ReplicationTask: showTask(task, null) };
});

const modifyTask = operation(
  z.object({
    ReplicationTaskArn: z.string(),
    ReplicationTaskIdentifier: z.string().optional(),
    MigrationType: migrationType.optional(),
    TableMappings: z.string().optional(),
    ReplicationTaskSettings: z.string().optional(),
    TaskData: z.string().optional(),
    ...cdcStart,
  }),
  (input, region) => {
    const task = region.task(input.ReplicationTaskArn);
    if (!['ready', 'stopped', 'failed'].includes(task.status)) {
      throw wrongState(`Replication Task ${task.definition.arn} cannot be modified, it is currently ${task.status}`);
    }
    const identifier = input.ReplicationTaskIdentifier?.toLowerCase();
    if (identifier !== undefined && identifier !== task.definition.identifier) {
      checkIdentifier('ReplicationTaskIdentifier', identifier);
      if (taken(region, identifier)) throw alreadyExists(`Replication Task ${identifier} already exists`);
    }
    const mappings = input.TableMappings === undefined ? null : parseMappings(input.TableMappings);
    const settings =
      input.ReplicationTaskSettings === undefined ? null : parseSettings(input.ReplicationTaskSettings, task.settings);
    checkStart(input.CdcStartTime, input.CdcStartPosition, input.MigrationType ?? task.definition.migrationType);
    checkStop(input.CdcStopPosition);
    task.modify(() => {
      const { definition } = task;
      if (identifier !== undefined) definition.identifier = identifier;
      if (input.MigrationType !== undefined) definition.migrationType = input.MigrationType;
      if (mappings !== null && input.TableMappings !== undefined) {
        task.mappings = mappings;
        definition.tableMappings = input.TableMappings;
      }
      if (settings !== null) {
        task.settings = settings.settings;
        task.settingsEcho = settings.echo;
      }
      definition.cdcStartPosition = input.CdcStartPosition ?? isoOf(input.CdcStartTime) ?? definition.cdcStartPosition;
      definition.cdcStopPosition = input.CdcStopPosition ?? definition.cdcStopPosition;
      definition.taskData = input.TaskData ?? definition.taskData;
    });
    return { ReplicationTask: showTask(task, null) };
  },
);

function taken(region: Region, identifier: string): boolean {
  return [...region.tasks.values()].some((task) => task.definition.identifier === identifier);
}

const deleteTask = operation(z.object({ ReplicationTaskArn: z.string() }), (input, region) => {
  const task = region.task(input.ReplicationTaskArn);
  if (!['ready', 'stopped', 'failed'].includes(task.status)) {
    throw wrongState(`Replication Task ${task.definition.arn} cannot be deleted, it is currently ${task.status}`);
  }
  task.delete(() => {
    region.tasks.delete(task.definition.arn);
    region.tags.delete(task.definition.arn);
  });
  return { ReplicationTask: showTask(task, null) };
});

export const taskOperations: Readonly<Record<string, Operation>> = {
  CreateReplicationTask: createTask,
  DescribeReplicationTasks: describeTasks,
  StartReplicationTask: startTask,
  StopReplicationTask: stopTask,
  ModifyReplicationTask: modifyTask,
  DeleteReplicationTask: deleteTask,
};
