import type { FeedSubscriber, SourceTransaction } from '../binlog/router.ts';
import { messageOf, TableError, TaskError } from '../errors.ts';
import type { RowFilter } from '../mapping/filter.ts';
import type { SelectedTable } from '../mapping/rules.ts';
import { lobLimitBytes } from '../settings/settings.ts';
import { close, connect } from '../sql/connect.ts';
import { ChangeApplier } from './applier.ts';
import { startOfCapture } from './captureStart.ts';
import { loadTable } from './load.ts';
import { checkColumns, checkSource, listTables } from './prerequisites.ts';
import type { RunSpec } from './spec.ts';
import { TableStatistics } from './statistics.ts';
import { openTarget, prepareTable, type TargetSession } from './target.ts';
import { type WriteOptions, WritePlan } from './writePlan.ts';

/** One run of a task, from start or resume to stop or failure: load, cached changes, then change by change. */
export class TaskRun implements FeedSubscriber {
  readonly #spec: RunSpec;
  readonly #abort = new AbortController();
  readonly #applier: ChangeApplier;
  #tables = new Map<string, RowFilter>();
  #session: TargetSession | null = null;
  #finished = false;
  #work: Promise<void> = Promise.resolve();

  constructor(spec: RunSpec) {
    this.#spec = spec;
    this.#applier = new ChangeApplier(spec, {
      fail: (error) => this.#fail(error),
      tableFailed: (name, error) => this.tableFailed(name, error),
      ended: (reason) => this.#end(reason),
      seen: () => spec.feed.positionOf(this),
    });
  }

  get tables(): ReadonlyMap<string, RowFilter> {
    return this.#tables;
  }

  /** Transactions captured and not applied yet. */
  get queued(): number {
    return this.#applier.queued;
  }

  get running(): boolean {
    return !this.#finished;
  }

  start(): void {
    this.#work = this.#main().catch((error: unknown) => this.#fail(asTaskError(error)));
  }

  /** Ends the run; the transaction under way is finished first, so that the checkpoint is exact. */
  async stop(): Promise<void> {
    this.#finished = true;
    this.#abort.abort();
    this.#applier.checkpointSeen();
    this.#spec.feed.unsubscribe(this);
    await this.#applier.stop();
    await this.#work;
    this.#closeSession();
  }

  /** Something that decides about applying has changed. */
  wake(): void {
    for (const table of this.#spec.progress.tables.values()) {
      const message = this.#spec.faults().tableError(table.name);
      if (message !== null && table.state !== 'Table error') this.tableFailed(table.name, new Error(message));
    }
    this.#applier.wake();
  }

  transaction(transaction: SourceTransaction): void {
    if (!this.#finished) this.#applier.add(transaction);
  }

  tableFailed(name: string, error: Error): void {
    const table = this.#spec.progress.tables.get(name);
    if (table === undefined || this.#finished) return;
    table.error = messageOf(error);
    table.enter('Table error');
    this.#spec.log(`${name}: ${messageOf(error)}`);
    const behavior = this.#spec.settings.ErrorBehavior;
    const errored = [...this.#spec.progress.tables.values()].filter((each) => each.state === 'Table error').length;
    const escalated = behavior.TableErrorEscalationCount > 0 && errored >= behavior.TableErrorEscalationCount;
    if (behavior.TableErrorPolicy === 'STOP_TASK' || escalated) {
      this.#fail(new TaskError('TABLE_ERROR', `${name}: ${messageOf(error)}`, { recoverable: false, cause: error }));
    }
  }

  failed(error: TaskError): void {
    this.#fail(error);
  }

  async #main(): Promise<void> {
    const { spec, progress } = { spec: this.#spec, progress: this.#spec.progress };
    const selected = await this.#resolveTables();
    this.#session = await openTarget(spec.target, (error) =>
      this.#fail(new TaskError('TARGET_CONNECTION', messageOf(error), { recoverable: true, cause: error })),
    );
    const options: WriteOptions = {
      lobLimitBytes: lobLimitBytes(spec.settings),
      supportLobs: spec.settings.TargetMetadata.SupportLobs,
      zeroDates: this.#session.zeroDates,
    };
    const loads = spec.migrationType !== 'cdc';
    const plans = await this.#prepare(selected, options, loads);
    await this.#applier.open(this.#session, options, plans);
    if (this.#finished) return;
    const captures = spec.migrationType !== 'full-load';
    if (captures) await this.#capture();
    // Not before it captures: who has seen that the table is followed relies on every change from then on.
    if (!loads) {
      for (const name of plans.keys()) {
        const statistics = progress.tables.get(name);
        if (statistics?.state !== 'Table error') statistics?.enter('Table completed');
      }
    }
    this.wake();
    if (loads) await this.#load(selected, plans, options);
    if (this.#finished) return;
    if (!captures) {
      this.#end('FULL_LOAD_ONLY_FINISHED');
      return;
    }
    if (loads && spec.settings.FullLoadSettings.StopTaskCachedChangesNotApplied && !spec.resumed) {
      this.#end('STOPPED_AFTER_FULL_LOAD');
      return;
    }
    this.#applier.begin(
      loads && spec.settings.FullLoadSettings.StopTaskCachedChangesApplied && !spec.resumed
        ? progress.overlapUntil
        : null,
    );
  }

  async #resolveTables(): Promise<SelectedTable[]> {
    const { source, mappings, migrationType, settings, progress } = this.#spec;
    const connection = await connect(source, () => undefined);
    try {
      if (migrationType !== 'full-load') await checkSource(connection);
      const selected = mappings.select(await listTables(connection));
      if (selected.length === 0 && settings.ErrorBehavior.FailOnNoTablesCaptured) {
        throw new TaskError(
          'NO_TABLES',
          'No tables were found at task initialization. Either the selected table(s) or schema(s) no longer exist or no match was found for the table selection pattern(s).',
          { recoverable: false },
        );
      }
      for (const { schema, table } of selected) {
        const name = `${schema}.${table}`;
        if (!progress.tables.has(name)) progress.tables.set(name, new TableStatistics(schema, table));
      }
      this.#tables = new Map(selected.map(({ schema, table, filter }) => [`${schema}.${table}`, filter]));
      return selected;
    } finally {
      close(connection);
    }
  }

  /** Plans for all tables that can be written; the others end in error here. */
  async #prepare(selected: SelectedTable[], options: WriteOptions, loads: boolean): Promise<Map<string, WritePlan>> {
    const { feed, progress, settings, reload } = this.#spec;
    const plans = new Map<string, WritePlan>();
    for (const { schema, table, filter } of selected) {
      const name = `${schema}.${table}`;
      const statistics = progress.tables.get(name);
      if (statistics === undefined || statistics.state === 'Table error') continue;
      const pending = loads && statistics.state !== 'Table completed';
      // What an interrupted load brought stays; the rows that come again are told from new ones by their key.
      const fresh = pending && statistics.fullLoadStartMs === null;
      try {
        const source = await feed.describeNow(schema, table);
        checkColumns(source, filter);
        const mode = !fresh ? 'KEEP' : reload ? 'TRUNCATE_BEFORE_LOAD' : settings.FullLoadSettings.TargetTablePrepMode;
        const target = await prepareTable(this.#open().connection, source, mode);
        plans.set(name, new WritePlan(source, target, options, true));
        this.#applier.targetTable(name, target);
      } catch (error) {
        if (error instanceof TaskError && error.recoverable) throw error;
        this.tableFailed(name, error instanceof Error ? error : new Error(String(error)));
      }
      if (this.#finished) break;
    }
    return plans;
  }

  /** Begins capture before the load. */
  async #capture(): Promise<void> {
    const { feed, progress } = this.#spec;
    const start = await startOfCapture(this.#spec, this.#abort.signal);
    progress.captureFrom ??= start;
    progress.checkpoint ??= start;
    if (this.#finished) return;
    await feed.subscribe(this, start);
  }

  async #load(selected: SelectedTable[], plans: Map<string, WritePlan>, options: WriteOptions): Promise<void> {
    const { progress, settings, feed, migrationType } = this.#spec;
    const waiting = selected
      .filter(({ schema, table }) => {
        const name = `${schema}.${table}`;
        return plans.has(name) && progress.tables.get(name)?.state !== 'Table completed';
      })
      .sort((a, b) => b.loadOrder - a.loadOrder);
    if (waiting.length === 0 && progress.loadEndMs !== null) return;
    progress.loadStartMs ??= Date.now();
    const worker = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined && !this.#finished; next = waiting.shift()) {
        await this.#loadOne(next, plans, options);
      }
    };
    const workers = Math.min(settings.FullLoadSettings.MaxFullLoadSubTasks, waiting.length);
    await Promise.all(Array.from({ length: workers }, worker));
    if (this.#finished) return;
    if (migrationType !== 'full-load') progress.overlapUntil = (await feed.currentPosition()).position;
    progress.loadEndMs = Date.now();
  }

  async #loadOne(
    { schema, table, filter }: SelectedTable,
    plans: Map<string, WritePlan>,
    options: WriteOptions,
  ): Promise<void> {
    const name = `${schema}.${table}`;
    const plan = plans.get(name);
    const statistics = this.#spec.progress.tables.get(name);
    if (plan === undefined || statistics === undefined || statistics.state === 'Table error') return;
    const again = statistics.fullLoadStartMs !== null;
    statistics.fullLoadStartMs = Date.now();
    statistics.fullLoadRows = 0;
    statistics.enter(this.#spec.reload ? 'Table is being reloaded' : 'Full load');
    const { source, target, settings, log } = this.#spec;
    try {
      await loadTable({
        source,
        target,
        plan,
        filter,
        statistics,
        settings,
        options,
        again,
        signal: this.#abort.signal,
        log,
      });
      if (this.#finished || (statistics.state as string) === 'Table error') return;
      statistics.fullLoadEndMs = Date.now();
      statistics.reloaded = this.#spec.reload;
      statistics.enter('Table completed');
    } catch (error) {
      if (this.#finished) return;
      if (!(error instanceof TableError)) throw error;
      this.tableFailed(name, error);
    }
  }

  #open(): TargetSession {
    if (this.#session === null) throw new TaskError('STOPPED', 'the task was stopped', { recoverable: true });
    return this.#session;
  }

  #end(reason: Parameters<RunSpec['ended']>[0]): void {
    if (this.#finished) return;
    this.#shutDown();
    this.#spec.ended(reason);
  }

  #fail(error: TaskError): void {
    if (this.#finished) return;
    this.#shutDown();
    this.#spec.failed(error);
  }

  #shutDown(): void {
    this.#finished = true;
    this.#abort.abort();
    this.#applier.checkpointSeen();
    this.#spec.feed.unsubscribe(this);
    void this.#applier.stop().then(() => this.#closeSession());
  }

  #closeSession(): void {
    if (this.#session !== null) close(this.#session.connection);
    this.#session = null;
  }
}

function asTaskError(error: unknown): TaskError {
  if (error instanceof TaskError) return error;
  return new TaskError('RUN', messageOf(error), { recoverable: true, cause: error });
}
