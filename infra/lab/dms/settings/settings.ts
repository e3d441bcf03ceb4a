import { z } from 'zod';
import { invalidParameter } from '../errors.ts';
import { DEFAULT_SETTINGS } from './defaults.ts';

const flag = z.boolean();
const count = z.number().int();

const applyPolicy = ['IGNORE_RECORD', 'LOG_ERROR', 'SUSPEND_TABLE', 'STOP_TASK'] as const;

/** The settings that the stand-in acts upon. What else a task's settings hold is kept and echoed. */
const effectiveSettings = z.looseObject({
  TargetMetadata: z.looseObject({
    SupportLobs: flag,
    FullLobMode: flag,
    LimitedSizeLobMode: flag,
    LobChunkSize: count,
    /** Kilobytes. */
    LobMaxSize: count.min(0),
    BatchApplyEnabled: flag,
    TaskRecoveryTableEnabled: flag,
  }),
  FullLoadSettings: z.looseObject({
    TargetTablePrepMode: z.enum(['DO_NOTHING', 'DROP_AND_CREATE', 'TRUNCATE_BEFORE_LOAD']),
    StopTaskCachedChangesApplied: flag,
    StopTaskCachedChangesNotApplied: flag,
    MaxFullLoadSubTasks: count.min(1).max(49),
    CommitRate: count.min(1).max(50_000),
  }),
  ErrorBehavior: z.looseObject({
    DataErrorPolicy: z.enum(['IGNORE_RECORD', 'LOG_ERROR', 'SUSPEND_TABLE', 'STOP_TASK']),
    DataTruncationErrorPolicy: z.enum(['IGNORE_RECORD', 'LOG_ERROR', 'SUSPEND_TABLE', 'STOP_TASK']),
    DataErrorEscalationPolicy: z.enum(['SUSPEND_TABLE', 'STOP_TASK']),
    DataErrorEscalationCount: count.min(0),
    TableErrorPolicy: z.enum(['SUSPEND_TABLE', 'STOP_TASK']),
    TableErrorEscalationPolicy: z.enum(['STOP_TASK']),
    TableErrorEscalationCount: count.min(0),
    RecoverableErrorCount: count.min(-1),
    /** Seconds. */
    RecoverableErrorInterval: count.min(0),
    ApplyErrorDeletePolicy: z.enum(applyPolicy),
    ApplyErrorInsertPolicy: z.enum([...applyPolicy, 'UPDATE_RECORD', 'INSERT_RECORD']),
    ApplyErrorUpdatePolicy: z.enum([...applyPolicy, 'UPDATE_RECORD', 'INSERT_RECORD']),
    ApplyErrorEscalationPolicy: z.enum(['LOG_ERROR', 'SUSPEND_TABLE', 'STOP_TASK']),
    ApplyErrorEscalationCount: count.min(0),
    FullLoadIgnoreConflicts: flag,
    FailOnNoTablesCaptured: flag,
  }),
  ChangeProcessingDdlHandlingPolicy: z.looseObject({
    HandleSourceTableDropped: flag,
    HandleSourceTableTruncated: flag,
    HandleSourceTableAltered: flag,
  }),
  ChangeProcessingTuning: z.looseObject({
    /** Seconds. */
    BatchApplyTimeoutMin: count.min(0),
    BatchApplyTimeoutMax: count.min(0),
  }),
  ControlTablesSettings: z.looseObject({ ControlSchema: z.string() }),
});

export type TaskSettings = z.infer<typeof effectiveSettings>;
export type ErrorBehavior = TaskSettings['ErrorBehavior'];

const jsonObject = z.record(z.string(), z.unknown());

/**
 * Reads the ReplicationTaskSettings JSON, fills in every default as the service does (the hazardous ones too), checks it, and
 * gives the settings together with the text that Describe echoes.
 *
 * @param json what was sent; undefined means all defaults
 * @param base the settings to start from, when a task is modified
 */
export function parseSettings(
  json: string | undefined,
  base: Record<string, unknown> | null = null,
): { settings: TaskSettings; echo: string } {
  let document: unknown = {};
  if (json !== undefined) {
    try {
      document = JSON.parse(json);
    } catch (error) {
      throw invalidParameter(`Task Settings document is not valid JSON: ${String(error)}`);
    }
  }
  const object = jsonObject.safeParse(document);
  if (!object.success) throw invalidParameter('Task Settings document is not a JSON object');
  const parsed = effectiveSettings.safeParse(merge(base ?? DEFAULT_SETTINGS, object.data, ''));
  if (!parsed.success) {
    throw invalidParameter(`Invalid task settings JSON. ${z.prettifyError(parsed.error)}`);
  }
  checkCombination(parsed.data);
  return { settings: parsed.data, echo: JSON.stringify(parsed.data) };
}

function merge(defaults: unknown, given: unknown, path: string): unknown {
  if (!isObject(defaults) || !isObject(given)) return given === undefined ? defaults : given;
  const merged: Record<string, unknown> = { ...defaults };
  for (const [name, value] of Object.entries(given)) {
    if (!(name in defaults)) {
      throw invalidParameter(`Invalid task settings JSON. Unknown setting ${path}${name}`);
    }
    merged[name] = merge(defaults[name], value, `${path}${name}.`);
  }
  return merged;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function checkCombination(settings: TaskSettings): void {
  const lobs = settings.TargetMetadata;
  if (lobs.SupportLobs && lobs.FullLobMode && lobs.LimitedSizeLobMode) {
    throw invalidParameter('Invalid task settings JSON. FullLobMode and LimitedSizeLobMode cannot both be true');
  }
  const load = settings.FullLoadSettings;
  if (load.StopTaskCachedChangesApplied && load.StopTaskCachedChangesNotApplied) {
    throw invalidParameter(
      'Invalid task settings JSON. StopTaskCachedChangesApplied and StopTaskCachedChangesNotApplied cannot both be true',
    );
  }
}

/** Where LOBs are cut, in bytes; no limit in full LOB mode. */
export function lobLimitBytes(settings: TaskSettings): number {
  const lobs = settings.TargetMetadata;
  if (lobs.FullLobMode || !lobs.LimitedSizeLobMode || lobs.LobMaxSize === 0) return Number.POSITIVE_INFINITY;
  return lobs.LobMaxSize * 1024;
}
