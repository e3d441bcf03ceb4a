import type { Region } from '../region.ts';
import type { TableStatistics } from '../task/statistics.ts';
import type { ReplicationTask, TaskView } from '../task/task.ts';
import { seconds } from './shared.ts';

/** The task's life as Describe may see it by now; null when it is too young to be seen. */
export function visibleView(task: ReplicationTask, region: Region): TaskView | null {
  return task.viewAt(Date.now() - region.config.latencies.describeStalenessMs);
}

/** A ReplicationTask of the API. Answers to changes show the present, Describe shows `view`. */
export function showTask(task: ReplicationTask, view: TaskView | null): Record<string, unknown> {
  const { definition, progress } = task;
  const shown = view ?? task.viewAt(Date.now());
  return {
    ReplicationTaskIdentifier: definition.identifier,
    SourceEndpointArn: definition.sourceArn,
    TargetEndpointArn: definition.targetArn,
    ReplicationInstanceArn: definition.instanceArn,
    MigrationType: definition.migrationType,
    TableMappings: definition.tableMappings,
    ReplicationTaskSettings: task.settingsEcho,
    Status: shown?.status ?? task.status,
    ...optional('LastFailureMessage', shown?.lastFailureMessage ?? null),
    ...optional('StopReason', shown?.stopReason ?? null),
    ReplicationTaskCreationDate: seconds(task.createdMs),
    ...optional('ReplicationTaskStartDate', task.startedMs === null ? null : seconds(task.startedMs)),
    ...optional('CdcStartPosition', definition.cdcStartPosition),
    ...optional('CdcStopPosition', definition.cdcStopPosition),
    ...optional('RecoveryCheckpoint', task.recoveryCheckpoint),
    ReplicationTaskArn: definition.arn,
    ReplicationTaskStats: task.everRan ? stats(task, [...progress.tables.values()]) : {},
    ...optional('TaskData', definition.taskData),
  };
}

function stats(task: ReplicationTask, tables: readonly TableStatistics[]): Record<string, unknown> {
  const { progress } = task;
  const inState = (...states: string[]): number => tables.filter((table) => states.includes(table.state)).length;
  const shares = tables.reduce((sum, table) => sum + table.loadedShare, 0);
  const end = task.stoppedMs !== null && task.stoppedMs > (task.startedMs ?? 0) ? task.stoppedMs : Date.now();
  const loads = task.definition.migrationType !== 'cdc';
  return {
    FullLoadProgressPercent:
      !loads || tables.length === 0 ? (loads ? 0 : 100) : Math.floor((100 * shares) / tables.length),
    ElapsedTimeMillis: task.startedMs === null ? 0 : end - task.startedMs,
    TablesLoaded: inState('Table completed'),
    TablesLoading: inState('Full load', 'Table is being reloaded'),
    TablesQueued: inState('Before load'),
    TablesErrored: inState('Table error'),
    ...optional('FreshStartDate', task.freshStartMs === null ? null : seconds(task.freshStartMs)),
    ...optional('StartDate', task.startedMs === null ? null : seconds(task.startedMs)),
    ...optional('StopDate', task.stoppedMs === null ? null : seconds(task.stoppedMs)),
    ...optional('FullLoadStartDate', progress.loadStartMs === null ? null : seconds(progress.loadStartMs)),
    ...optional('FullLoadFinishDate', progress.loadEndMs === null ? null : seconds(progress.loadEndMs)),
  };
}

/** A TableStatistics of the API. */
export function showTable(table: TableStatistics): Record<string, unknown> {
  return {
    SchemaName: table.schema,
    TableName: table.table,
    Inserts: table.inserts,
    Deletes: table.deletes,
    Updates: table.updates,
    Ddls: table.ddls,
    AppliedInserts: table.appliedInserts,
    AppliedDeletes: table.appliedDeletes,
    AppliedUpdates: table.appliedUpdates,
    AppliedDdls: table.appliedDdls,
    FullLoadRows: table.fullLoadRows,
    FullLoadCondtnlChkFailedRows: 0,
    FullLoadErrorRows: table.fullLoadErrorRows,
    ...optional('FullLoadStartTime', table.fullLoadStartMs === null ? null : seconds(table.fullLoadStartMs)),
    ...optional('FullLoadEndTime', table.fullLoadEndMs === null ? null : seconds(table.fullLoadEndMs)),
    FullLoadReloaded: table.reloaded,
    LastUpdateTime: seconds(table.lastUpdateMs),
    TableState: table.state,
    ValidationPendingRecords: 0,
    ValidationFailedRecords: 0,
    ValidationSuspendedRecords: 0,
    ValidationState: 'Not enabled',
  };
}

function optional(name: string, value: unknown): Record<string, unknown> {
  return value === null || value === undefined ? {} : { [name]: value };
}
