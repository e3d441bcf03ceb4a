/**
 * Settings of a task. DMS fills in what is left out, and several of its defaults destroy or silently drop rows on
 * shared tables; so each of those is sent, with the reason beside it.
 */

/** Value of one setting. */
export type SettingValue = boolean | number | string;
/** Section, key, value. */
export type TaskSettings = Readonly<Record<string, Readonly<Record<string, SettingValue | readonly object[]>>>>;

/** Beyond this a LOB is fetched piece by piece: in limited mode DMS reserves the limit for every row it holds (KB). */
const limitedLobMaxKb = 64 * 1024;
/** Rows of one full-load commit times the LOB limit stay under this, for the instance's memory (KB). */
const loadBufferKb = 512 * 1024;

/** Settings for a task whose largest LOB has this size (bytes). */
export function taskSettings(largestLobBytes: number): TaskSettings {
  return {
    TargetMetadata: {
      SupportLobs: true,
      ...lobSettings(largestLobBytes),
      // Batches give up commit order across tables, and with it the proof that a marker gives.
      BatchApplyEnabled: false,
      // So do parallel threads.
      ParallelApplyThreads: 0,
      ParallelLoadThreads: 0,
      // Without it a restart goes back to a checkpoint and applies changes again: old images over newer rows.
      TaskRecoveryTableEnabled: true,
    },
    FullLoadSettings: {
      // The default drops the target's tables, and with them all other orgs' rows.
      TargetTablePrepMode: 'DO_NOTHING',
      // The primary key is there, and the changes captured meanwhile need it.
      CreatePkAfterFullLoad: false,
      // The task has to go on into change data capture by itself.
      StopTaskCachedChangesApplied: false,
      StopTaskCachedChangesNotApplied: false,
      // Waits this long for transactions that were open at the start (s); see FailOnTransactionConsistencyBreached.
      TransactionConsistencyTimeout: 600,
      CommitRate: commitRate(largestLobBytes),
    },
    ChangeProcessingDdlHandlingPolicy: {
      // One org's task must never drop, truncate or alter a table that all orgs share; defaults are true.
      HandleSourceTableDropped: false,
      HandleSourceTableTruncated: false,
      HandleSourceTableAltered: false,
    },
    ErrorBehavior: {
      // Defaults log an error and lose the row.
      DataErrorPolicy: 'STOP_TASK',
      DataErrorEscalationPolicy: 'STOP_TASK',
      // A value cut short is a changed value.
      DataTruncationErrorPolicy: 'STOP_TASK',
      // Default: what belongs to the event is ignored.
      EventErrorPolicy: 'STOP_TASK',
      // Default suspends the table while the task looks healthy.
      TableErrorPolicy: 'STOP_TASK',
      TableErrorEscalationPolicy: 'STOP_TASK',
      // A row that is missing or already there means that the sides differ: stop, do not paper over it.
      ApplyErrorDeletePolicy: 'STOP_TASK',
      ApplyErrorInsertPolicy: 'STOP_TASK',
      ApplyErrorUpdatePolicy: 'STOP_TASK',
      ApplyErrorEscalationPolicy: 'STOP_TASK',
      ApplyErrorFailOnTruncationDdl: true,
      // This one stays true, and says so: it concerns only changes captured while a table was loading, of which the
      // load has seen many. Under STOP_TASK, false would end the load of any org that is being written. The counts and
      // the comparison of the rows prove the result.
      FullLoadIgnoreConflicts: true,
      // Default: rows of a transaction that outlives the time-out above are missing, without a word.
      FailOnTransactionConsistencyBreached: true,
      // Default: a task whose mapping matches nothing runs happily.
      FailOnNoTablesCaptured: true,
      // Default -1 restarts the task for ever. 20 times at 5 s growing to 60 s is about a quarter of an hour.
      RecoverableErrorCount: 20,
      RecoverableErrorInterval: 5,
      RecoverableErrorThrottling: true,
      RecoverableErrorThrottlingMax: 60,
    },
    ValidationSettings: {
      // Not to be relied on with filters, and it reads both sides again; the controller compares the rows itself.
      EnableValidation: false,
    },
    Logging: {
      // The only place that names the row when a task stops.
      EnableLogging: true,
    },
    ControlTablesSettings: {
      // DMS's own tables stay out of the product's schema.
      ControlSchema: 'awsdms_control',
    },
  };
}

/** LobMaxSize for this largest LOB (KB): twice its size, for it may grow, in steps of 64 KB, 1 MB at least. */
export function lobMaxKb(largestLobBytes: number): number {
  return Math.max(1_024, Math.ceil((largestLobBytes * 2) / (64 * 1024)) * 64);
}

function lobSettings(largestLobBytes: number): Record<string, SettingValue> {
  // The default cuts every LOB at 32 KB.
  const maxKb = lobMaxKb(largestLobBytes);
  return maxKb <= limitedLobMaxKb
    ? { FullLobMode: false, LimitedSizeLobMode: true, LobMaxSize: maxKb }
    : { FullLobMode: true, LimitedSizeLobMode: false, LobChunkSize: 64 };
}

function commitRate(largestLobBytes: number): number {
  return Math.min(10_000, Math.max(10, Math.floor(loadBufferKb / lobMaxKb(largestLobBytes))));
}
