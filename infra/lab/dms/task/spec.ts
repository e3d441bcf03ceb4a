import type { SourceFeed } from '../binlog/feed.ts';
import type { BinlogPosition } from '../binlog/position.ts';
import type { TaskError } from '../errors.ts';
import type { TableMappings } from '../mapping/rules.ts';
import type { TaskSettings } from '../settings/settings.ts';
import type { DatabaseAddress } from '../sql/connect.ts';
import type { TableStatistics } from './statistics.ts';
import type { TargetAddress } from './target.ts';

/** What outlives a run of the task: a resumed run goes on from here. */
export interface TaskProgress {
  readonly tables: Map<string, TableStatistics>;
  /** Where capture began, before the load; null until then. */
  captureFrom: BinlogPosition | null;
  /** The end of the last source transaction that was applied, or found to hold nothing for the task. */
  checkpoint: BinlogPosition | null;
  /** Changes up to here may be in the loaded rows already. */
  overlapUntil: BinlogPosition | null;
  /** Checkpoints before the present one, newest last. */
  readonly earlier: BinlogPosition[];
  loadStartMs: number | null;
  loadEndMs: number | null;
}

export interface RunSpec {
  readonly taskId: string;
  readonly taskArn: string;
  readonly migrationType: 'full-load' | 'cdc' | 'full-load-and-cdc';
  readonly source: DatabaseAddress;
  readonly target: TargetAddress;
  readonly feed: SourceFeed;
  readonly mappings: TableMappings;
  readonly settings: TaskSettings;
  readonly progress: TaskProgress;
  /** Truncate the target's tables whatever TargetTablePrepMode says, as reload-target was seen to do. */
  readonly reload: boolean;
  /** Start of change capture; null for now. */
  readonly from: BinlogPosition | null;
  /** Skip transactions that were committed before; null takes all. */
  readonly notBeforeMs: number | null;
  /** Stop at the first transaction committed after; null never. */
  readonly stopAfterCommitMs: number | null;
  readonly resumed: boolean;
  readonly batchApplyWaitMs: number;
  faults(): { lagMs: number; held: boolean; tableError(name: string): string | null };
  log(message: string): void;
  /** The run has ended by itself. */
  ended(
    reason:
      | 'FULL_LOAD_ONLY_FINISHED'
      | 'STOPPED_AFTER_FULL_LOAD'
      | 'STOPPED_AFTER_CACHED_EVENTS'
      | 'STOPPED_AT_COMMIT_TIME',
  ): void;
  failed(error: TaskError): void;
}

/** The progress of a task that never ran. */
export function newProgress(): TaskProgress {
  return {
    tables: new Map(),
    captureFrom: null,
    checkpoint: null,
    overlapUntil: null,
    earlier: [],
    loadStartMs: null,
    loadEndMs: null,
  };
}
