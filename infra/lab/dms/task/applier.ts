import { setTimeout as sleep } from 'node:timers/promises';
import { type BinlogPosition, comparePositions, formatPosition } from '../binlog/position.ts';
import type { SourceTransaction } from '../binlog/router.ts';
import type { RowChange } from '../binlog/rows.ts';
import { messageOf, TaskError } from '../errors.ts';
import type { SourceTable } from '../sql/columns.ts';
import { troubleOf } from '../sql/errors.ts';
import { type ApplyContext, applyTogether, applyTransaction } from './apply.ts';
import { carryOverDdl } from './ddlHandling.ts';
import { RecoveryTable } from './recoveryTable.ts';
import type { RunSpec } from './spec.ts';
import type { TargetSession } from './target.ts';
import { type WriteOptions, WritePlan } from './writePlan.ts';

export interface ApplierOwner {
  fail(error: TaskError): void;
  tableFailed(name: string, error: Error): void;
  ended(reason: 'STOPPED_AFTER_CACHED_EVENTS' | 'STOPPED_AT_COMMIT_TIME'): void;
  /** Up to where the source has been read for this task. */
  seen(): BinlogPosition | null;
}

/** So many applied transactions back a task can be made to start again, as after a recovery without a recovery table. */
const EARLIER_KEPT = 500;

/** So many transactions that wait are applied in one at most. */
const TOGETHER_AT_MOST = 100;

/**
 * The queue between capture and target. Transactions wait in it while tables load; afterwards they are applied in commit order, each
 * as soon as it arrives; those that have gathered meanwhile go together.
 */
export class ChangeApplier {
  readonly #spec: RunSpec;
  readonly #owner: ApplierOwner;
  readonly #context: ApplyContext;
  #queue: SourceTransaction[] = [];
  #head = 0;
  #session: TargetSession | null = null;
  #options: WriteOptions | null = null;
  #plans = new Map<SourceTable, WritePlan>();
  readonly #targets = new Map<string, SourceTable>();
  #recovery: RecoveryTable | null = null;
  #begun = false;
  #stopped = false;
  #stopAfter: BinlogPosition | null = null;
  #pumping: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(spec: RunSpec, owner: ApplierOwner) {
    this.#spec = spec;
    this.#owner = owner;
    this.#context = this.#makeContext();
  }

  get queued(): number {
    return this.#queue.length - this.#head;
  }

  targetTable(name: string, table: SourceTable): void {
    this.#targets.set(name, table);
  }

  async open(session: TargetSession, options: WriteOptions, plans: ReadonlyMap<string, WritePlan>): Promise<void> {
    this.#session = session;
    this.#options = options;
    for (const plan of plans.values()) this.#plans.set(plan.source, plan);
    const { TargetMetadata, ControlTablesSettings } = this.#spec.settings;
    if (!TargetMetadata.TaskRecoveryTableEnabled || this.#spec.migrationType === 'full-load') return;
    this.#recovery = await RecoveryTable.open(
      session.connection,
      ControlTablesSettings.ControlSchema,
      this.#spec.taskArn,
    );
    // What the target itself remembers is newer than what the task does, when a commit's answer was lost.
    const kept = this.#recovery.checkpoint;
    const { progress } = this.#spec;
    if (
      this.#spec.resumed &&
      kept !== null &&
      (progress.checkpoint === null || comparePositions(kept, progress.checkpoint) > 0)
    ) {
      progress.checkpoint = kept;
    }
  }

  /** From now on changes are applied. */
  begin(stopAfter: BinlogPosition | null): void {
    this.#begun = true;
    this.#stopAfter = stopAfter;
    this.wake();
  }

  add(transaction: SourceTransaction): void {
    const { notBeforeMs } = this.#spec;
    if (notBeforeMs !== null && transaction.committedAtMs < Math.floor(notBeforeMs / 1000) * 1000) return;
    this.#queue.push(transaction);
    this.wake();
  }

  wake(): void {
    if (this.#pumping !== null || !this.#begun || this.#stopped) return;
    this.#pumping = this.#pump()
      .catch((error: unknown) => this.#owner.fail(asTaskError(error)))
      .finally(() => {
        this.#pumping = null;
        // What came between the loop's last look and here must not wait for the next arrival.
        if (!this.#stopped && this.queued > 0 && this.#mayApply()) this.wake();
      });
  }

  /** Waits for the transaction under way; what is queued is read again by the next run. */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#pumping;
    this.#queue = [];
    this.#head = 0;
  }

  async #pump(): Promise<void> {
    while (!this.#stopped) {
      const next = this.#queue[this.#head];
      if (this.#stopAfter !== null && this.#passed(this.#stopAfter, next)) {
        this.#owner.ended('STOPPED_AFTER_CACHED_EVENTS');
        return;
      }
      if (next === undefined || !this.#mayApply()) {
        if (next === undefined && this.#stopAfter !== null) this.#wakeIn(5);
        return;
      }
      const { stopAfterCommitMs } = this.#spec;
      if (stopAfterCommitMs !== null && next.committedAtMs > stopAfterCommitMs) {
        this.#owner.ended('STOPPED_AT_COMMIT_TIME');
        return;
      }
      const session = this.#session;
      if (session === null) return;
      if (this.#spec.settings.TargetMetadata.BatchApplyEnabled && next.ddl === null) await this.#applyBatch(session);
      else await this.#applyNext(session, next);
    }
  }

  async #applyNext(session: TargetSession, next: SourceTransaction): Promise<void> {
    const together = this.#together();
    const last = together.at(-1);
    if (last === undefined || together.length === 1) return this.#applyOne(session, next);
    if (!(await applyTogether(session, together, last, this.#context))) {
      for (const transaction of together) await this.#applyOne(session, transaction);
      return;
    }
    this.#keepCheckpoint(last.position);
    this.#advance(together.length);
  }

  /** Transactions from the head on that may be applied by now, up to the first that is something else or where the run is to end. */
  #together(): SourceTransaction[] {
    const { stopAfterCommitMs, faults } = this.#spec;
    const { lagMs } = faults();
    const together: SourceTransaction[] = [];
    for (let index = this.#head; together.length < TOGETHER_AT_MOST; index += 1) {
      const transaction = this.#queue[index];
      if (transaction === undefined || transaction.ddl !== null) break;
      if (transaction.receivedAtMs + lagMs > Date.now()) break;
      if (stopAfterCommitMs !== null && transaction.committedAtMs > stopAfterCommitMs) break;
      if (this.#stopAfter !== null && comparePositions(transaction.position, this.#stopAfter) > 0) break;
      together.push(transaction);
    }
    return together;
  }

  async #applyOne(session: TargetSession, transaction: SourceTransaction): Promise<void> {
    if (transaction.ddl !== null) await this.#ddl(session, transaction);
    else await applyTransaction(session, transaction, this.#context);
    this.#keepCheckpoint(transaction.position);
    this.#advance(1);
  }

  /**
   * Batch apply gathers what has come for a while and writes it table by table: the order of commits across tables is lost, and
   * with it every conclusion from one table's rows about another's.
   */
  async #applyBatch(session: TargetSession): Promise<void> {
    await sleep(this.#spec.batchApplyWaitMs);
    if (this.#stopped) return;
    const batch: SourceTransaction[] = [];
    for (let index = this.#head; index < this.#queue.length; index += 1) {
      const transaction = this.#queue[index];
      if (transaction === undefined || transaction.ddl !== null) break;
      batch.push(transaction);
    }
    const last = batch.at(-1);
    if (last === undefined) return;
    const byTable = new Map<string, RowChange[]>();
    for (const change of batch.flatMap((transaction) => transaction.changes)) {
      const name = `${change.table.schema}.${change.table.name}`;
      const changes = byTable.get(name);
      if (changes === undefined) byTable.set(name, [change]);
      else changes.push(change);
    }
    for (const name of [...byTable.keys()].sort().reverse()) {
      await applyTransaction(session, { ...last, changes: byTable.get(name) ?? [] }, this.#context);
    }
    this.#keepCheckpoint(last.position);
    this.#advance(batch.length);
  }

  #keepCheckpoint(position: BinlogPosition): void {
    const { progress } = this.#spec;
    if (progress.checkpoint !== null) progress.earlier.push(progress.checkpoint);
    if (progress.earlier.length > 2 * EARLIER_KEPT) progress.earlier.splice(0, EARLIER_KEPT);
    progress.checkpoint = position;
  }

  async #ddl(session: TargetSession, transaction: SourceTransaction): Promise<void> {
    if (transaction.ddl === null) return;
    const carried = await carryOverDdl(session.connection, transaction.ddl, this.#spec);
    for (const [name, target] of carried) {
      if (target !== null) this.#targets.set(name, target);
    }
    if (carried.size > 0) this.#plans = new Map();
  }

  #mayApply(): boolean {
    const { held, lagMs } = this.#spec.faults();
    if (held) return false;
    const next = this.#queue[this.#head];
    if (next === undefined) return true;
    const dueInMs = next.receivedAtMs + lagMs - Date.now();
    if (lagMs > 0 && dueInMs > 0) {
      this.#wakeIn(dueInMs);
      return false;
    }
    return true;
  }

  #wakeIn(ms: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.wake();
    }, ms);
  }

  #passed(position: BinlogPosition, next: SourceTransaction | undefined): boolean {
    if (next !== undefined) return comparePositions(next.position, position) > 0;
    const seen = this.#owner.seen();
    return seen !== null && comparePositions(seen, position) >= 0;
  }

  #advance(count: number): void {
    this.#head += count;
    if (this.#head === this.#queue.length) {
      this.#queue = [];
      this.#head = 0;
    } else if (this.#head > 1000) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
  }

  /** With nothing queued, everything that was read has been dealt with. To be called while the run still has its reader. */
  checkpointSeen(): void {
    if (this.queued > 0) return;
    const seen = this.#owner.seen();
    const { progress } = this.#spec;
    if (
      this.#begun &&
      seen !== null &&
      (progress.checkpoint === null || comparePositions(seen, progress.checkpoint) > 0)
    ) {
      progress.checkpoint = seen;
    }
  }

  #makeContext(): ApplyContext {
    const { settings, progress } = this.#spec;
    return {
      settings,
      planOf: (change) => {
        const statistics = progress.tables.get(`${change.table.schema}.${change.table.name}`);
        return statistics === undefined || statistics.state === 'Table error' ? null : this.#planOf(change.table);
      },
      overlapsLoad: (_change, transaction) =>
        progress.overlapUntil !== null && comparePositions(transaction.position, progress.overlapUntil) <= 0,
      checkpointSql: (transaction) => this.#recovery?.sql(formatPosition(transaction.position)) ?? null,
      suspend: (change, error) => this.#owner.tableFailed(`${change.table.schema}.${change.table.name}`, error),
      logError: (change, message) => this.#logError(change, message),
      count: (change, applied) => this.#count(change, applied),
    };
  }

  #planOf(table: SourceTable): WritePlan | null {
    const known = this.#plans.get(table);
    if (known !== undefined) return known;
    const target = this.#targets.get(`${table.schema}.${table.name}`);
    if (target === undefined || this.#options === null) return null;
    const plan = new WritePlan(table, target, this.#options, false);
    this.#plans.set(table, plan);
    return plan;
  }

  #logError(change: RowChange, message: string): void {
    this.#spec.log(message);
    const statistics = this.#spec.progress.tables.get(`${change.table.schema}.${change.table.name}`);
    if (statistics === undefined) return;
    statistics.applyErrors += 1;
    const behavior = this.#spec.settings.ErrorBehavior;
    if (behavior.ApplyErrorEscalationCount === 0 || statistics.applyErrors < behavior.ApplyErrorEscalationCount) return;
    if (behavior.ApplyErrorEscalationPolicy === 'STOP_TASK') {
      throw new TaskError('APPLY_ERROR', message, { recoverable: false });
    }
    if (behavior.ApplyErrorEscalationPolicy === 'SUSPEND_TABLE') {
      this.#owner.tableFailed(statistics.name, new Error(message));
    }
  }

  #count(change: RowChange, applied: boolean): void {
    this.#spec.progress.tables.get(`${change.table.schema}.${change.table.name}`)?.count(change.kind, applied);
  }
}

function asTaskError(error: unknown): TaskError {
  if (error instanceof TaskError) return error;
  const recoverable = ['connection', 'retry'].includes(troubleOf(error));
  return new TaskError('APPLY', messageOf(error), { recoverable, cause: error });
}
