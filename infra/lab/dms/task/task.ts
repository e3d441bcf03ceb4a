import type { SourceFeed } from '../binlog/feed.ts';
import { type BinlogPosition, formatCheckpoint } from '../binlog/position.ts';
import type { Latencies } from '../config.ts';
import { messageOf, type TaskError, wrongState } from '../errors.ts';
import type { Faults } from '../faults.ts';
import { parseMappings, type TableMappings } from '../mapping/rules.ts';
import { parseSettings, type TaskSettings } from '../settings/settings.ts';
import type { DatabaseAddress } from '../sql/connect.ts';
import { TaskRun } from './run.ts';
import { newProgress, type RunSpec, type TaskProgress } from './spec.ts';
import type { TargetAddress } from './target.ts';

export type TaskStatus =
  | 'creating'
  | 'ready'
  | 'starting'
  | 'running'
  | 'stopping'
  | 'stopped'
  | 'failed'
  | 'modifying'
  | 'deleting';

export type MigrationType = RunSpec['migrationType'];

/** What a task is made from. */
export interface TaskDefinition {
  identifier: string;
  readonly arn: string;
  readonly sourceArn: string;
  readonly targetArn: string;
  readonly instanceArn: string;
  migrationType: MigrationType;
  tableMappings: string;
  settingsJson: string | undefined;
  cdcStartPosition: string | null;
  cdcStopPosition: string | null;
  taskData: string | null;
}

/** What Describe shows of a task's life; kept per change, because Describe lags behind. */
export interface TaskView {
  readonly atMs: number;
  readonly status: TaskStatus;
  readonly stopReason: string | null;
  readonly lastFailureMessage: string | null;
}

/** The addresses behind a task's endpoints, as they are when it starts. */
export interface TaskSides {
  readonly source: DatabaseAddress;
  readonly target: TargetAddress;
  readonly feed: SourceFeed;
}

export interface StartOptions {
  readonly kind: 'start' | 'resume' | 'reload';
  readonly from: BinlogPosition | null;
  readonly notBeforeMs: number | null;
}

const LOG_LINES = 200;
/** A run that lasted this many retry intervals counts as a recovery; the count of tries begins anew. */
const STEADY_INTERVALS = 5;

/** A replication task and its life. */
export class ReplicationTask {
  readonly definition: TaskDefinition;
  readonly createdMs = Date.now();
  readonly log: string[] = [];
  readonly #latencies: Latencies;
  readonly #faults: Faults;
  readonly #sides: () => TaskSides;
  mappings: TableMappings;
  settings: TaskSettings;
  settingsEcho: string;
  progress: TaskProgress = newProgress();
  #status: TaskStatus = 'creating';
  #stopReason: string | null = null;
  #lastFailure: string | null = null;
  readonly #views: TaskView[] = [];
  #run: TaskRun | null = null;
  #timer: NodeJS.Timeout | null = null;
  #retries = 0;
  #runStartMs = 0;
  startedMs: number | null = null;
  freshStartMs: number | null = null;
  stoppedMs: number | null = null;

  constructor(definition: TaskDefinition, latencies: Latencies, faults: Faults, sides: () => TaskSides) {
    this.definition = definition;
    this.#latencies = latencies;
    this.#faults = faults;
    this.#sides = sides;
    this.mappings = parseMappings(definition.tableMappings);
    const { settings, echo } = parseSettings(definition.settingsJson);
    this.settings = settings;
    this.settingsEcho = echo;
    this.#enter('creating');
    this.#after(latencies.createMs, () => this.#enter('ready'));
  }

  get status(): TaskStatus {
    return this.#status;
  }

  get everRan(): boolean {
    return this.freshStartMs !== null;
  }

  get queued(): number {
    return this.#run?.queued ?? 0;
  }

  /** The task's life as it was at a moment; null when it did not exist yet. */
  viewAt(atMs: number): TaskView | null {
    for (let index = this.#views.length - 1; index >= 0; index -= 1) {
      const view = this.#views[index];
      if (view !== undefined && view.atMs <= atMs) return view;
    }
    return null;
  }

  get recoveryCheckpoint(): string | null {
    const { checkpoint, earlier } = this.progress;
    return checkpoint === null ? null : formatCheckpoint(checkpoint, earlier.length + 1);
  }

  start(options: StartOptions): void {
    this.startedMs = Date.now();
    this.#retries = 0;
    this.#stopReason = null;
    this.#lastFailure = null;
    if (options.kind !== 'resume') {
      this.freshStartMs = this.startedMs;
      this.progress = newProgress();
    }
    this.#enter('starting');
    this.#after(this.#latencies.startMs, () => {
      this.#enter('running');
      this.#begin(options);
    });
  }

  stop(): void {
    if (this.#status !== 'running') {
      throw wrongState(`Replication Task ${this.definition.arn} is currently not running`);
    }
    this.#clearTimer();
    this.#enter('stopping');
    const stopped = this.#run?.stop() ?? Promise.resolve();
    this.#run = null;
    void stopped.then(() => this.#after(this.#latencies.stopMs, () => this.#ended('stopped', 'NORMAL', null)));
  }

  /** Changes the definition by `change`, between two runs. */
  modify(change: () => void): void {
    change();
    this.#enter('modifying');
    this.#after(this.#latencies.modifyMs, () => this.#enter(this.everRan ? 'stopped' : 'ready'));
  }

  delete(gone: () => void): void {
    this.#clearTimer();
    this.#enter('deleting');
    const slowMs = this.#faults.slowDeleteMs(this.definition.identifier);
    this.#after(Math.max(this.#latencies.deleteMs, slowMs), gone);
  }

  /** The lab ends the run as an error would. */
  injectFailure(reason: 'RECOVERABLE_ERROR' | 'FATAL_ERROR', message: string): void {
    if (this.#status !== 'running') return;
    this.#clearTimer();
    const run = this.#run;
    this.#run = null;
    void (run?.stop() ?? Promise.resolve()).then(() => this.#ended('failed', reason, message));
  }

  /** The service takes a task that has ended up again by itself, maybe from before its checkpoint. */
  selfResume(replayTransactions: number): void {
    if (this.#status !== 'stopped' && this.#status !== 'failed') return;
    const { earlier } = this.progress;
    if (replayTransactions > 0 && earlier.length > 0) {
      this.progress.checkpoint = earlier[Math.max(0, earlier.length - replayTransactions)] ?? this.progress.checkpoint;
    }
    this.start({ kind: 'resume', from: null, notBeforeMs: null });
  }

  wake(): void {
    this.#run?.wake();
  }

  /** Ends everything without a trace in the task's life; for the end of the process. */
  async shutDown(): Promise<void> {
    this.#clearTimer();
    await this.#run?.stop();
    this.#run = null;
  }

  note(message: string): void {
    this.log.push(`${new Date().toISOString()} ${message}`);
    if (this.log.length > LOG_LINES) this.log.shift();
  }

  #begin(options: StartOptions): void {
    let sides: TaskSides;
    try {
      sides = this.#sides();
    } catch (error) {
      this.#ended('failed', 'FATAL_ERROR', messageOf(error));
      return;
    }
    const { identifier, arn, migrationType, cdcStopPosition } = this.definition;
    this.#runStartMs = Date.now();
    const run: TaskRun = new TaskRun({
      taskId: identifier,
      taskArn: arn,
      migrationType,
      ...sides,
      mappings: this.mappings,
      settings: this.settings,
      progress: this.progress,
      reload: options.kind === 'reload',
      from: options.from,
      notBeforeMs: options.notBeforeMs,
      stopAfterCommitMs: stopTime(cdcStopPosition),
      resumed: options.kind === 'resume',
      batchApplyWaitMs: this.settings.ChangeProcessingTuning.BatchApplyTimeoutMin * this.#latencies.batchApplySecondMs,
      faults: () => ({
        lagMs: this.#faults.lagMs(identifier),
        held: this.#faults.isHeld(identifier),
        tableError: (name) => this.#faults.tableError(identifier, name),
      }),
      log: (message) => this.note(message),
      ended: (reason) => {
        if (this.#run === run) this.#ended('stopped', reason, null);
      },
      failed: (error) => {
        if (this.#run === run) this.#failed(error);
      },
    });
    this.#run = run;
    run.start();
  }

  /** An environmental error makes the task try again by itself, RecoverableErrorCount times or (-1) for ever. */
  #failed(error: TaskError): void {
    this.#run = null;
    this.note(`${error.code}: ${error.message}`);
    const { RecoverableErrorCount: limit, RecoverableErrorInterval: interval } = this.settings.ErrorBehavior;
    const intervalMs = interval * this.#latencies.recoverableSecondMs;
    if (Date.now() - this.#runStartMs > STEADY_INTERVALS * intervalMs) this.#retries = 0;
    if (error.recoverable && (limit === -1 || this.#retries < limit)) {
      this.#retries += 1;
      this.#lastFailure = `Last Error ${error.message} Stop Reason RECOVERABLE_ERROR Error Level RECOVERABLE`;
      this.#enter('running');
      this.#after(intervalMs, () => this.#begin({ kind: 'resume', from: null, notBeforeMs: null }));
      return;
    }
    this.#ended('failed', error.recoverable ? 'RECOVERABLE_ERROR' : 'FATAL_ERROR', error.message);
  }

  #ended(status: 'stopped' | 'failed', reason: string, message: string | null): void {
    this.#run = null;
    this.stoppedMs = Date.now();
    this.#stopReason = `Stop Reason ${reason}`;
    if (message !== null) {
      const level = reason === 'RECOVERABLE_ERROR' ? 'RECOVERABLE' : 'FATAL';
      this.#lastFailure = `Last Error ${message} Stop Reason ${reason} Error Level ${level}`;
    }
    this.#enter(status);
  }

  #enter(status: TaskStatus): void {
    this.#status = status;
    this.#views.push({
      atMs: Date.now(),
      status,
      stopReason: this.#stopReason,
      lastFailureMessage: this.#lastFailure,
    });
    if (this.#views.length > 20) this.#views.shift();
  }

  #after(ms: number, then: () => void): void {
    this.#clearTimer();
    this.#timer = setTimeout(() => {
      this.#timer = null;
      then();
    }, ms);
  }

  #clearTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}

/** `commit_time:2026-01-31T12:00:00` as milliseconds; other stop positions are the clock's and refused on creation. */
function stopTime(position: string | null): number | null {
  const match = position === null ? null : /^commit_time:\s*(\S+)$/.exec(position);
  return match?.[1] === undefined ? null : Date.parse(match[1].endsWith('Z') ? match[1] : `${match[1]}Z`);
}
