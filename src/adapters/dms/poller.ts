import { ReplicationUnavailableError } from '../../errors/replication.ts';
import type { Clock } from '../../ports/clock.ts';
import type { TaskState } from '../../ports/replication.ts';
import type { RegionCalls } from './calls.ts';
import { abortable } from './pace.ts';
import type { ObservedTask } from './replies.ts';
import { erroredTables } from './steps.ts';
import { readTableStatistics, readTasks } from './taskReads.ts';
import { hasStatistics, Watches } from './watches.ts';

/** What one paged Describe of a whole region showed. */
export interface Sweep {
  /** Monotonic milliseconds at its beginning. */
  readonly beganMs: number;
  /** Epoch milliseconds at its beginning. */
  readonly observedAtMs: number;
  /** Our tasks, by id. */
  readonly tasks: ReadonlyMap<string, ObservedTask>;
  /** Everybody's tasks, counted by replication instance. */
  readonly tasksByInstance: ReadonlyMap<string, number>;
}

interface Waiter {
  /** Number of the first sweep that begins after the question was asked. */
  readonly sweep: number;
  resolve(sweep: Sweep): void;
  reject(error: unknown): void;
}

export interface PollerOptions {
  readonly calls: RegionCalls;
  readonly clock: Clock;
  readonly taskPrefix: string;
  readonly pollIntervalMs: number;
  readonly watchIntervalMs: number;
}

/** Statistics asked for at the same time. */
const statisticsAtOnce = 8;

/**
 * One loop for all tasks of a region. It sweeps fast while somebody waits, slowly while tasks are only watched, and not
 * at all while nobody looks. Everybody shares its sweeps, so that calls do not grow with the number of orgs.
 */
export class RegionPoller {
  readonly watches = new Watches();
  readonly #options: PollerOptions;
  readonly #closing = new AbortController();
  #waiters: Waiter[] = [];
  #latest: Sweep | null = null;
  #sweepsBegun = 0;
  #lastBeganMs = Number.NEGATIVE_INFINITY;
  #wake = new AbortController();
  #loop: Promise<void> | null = null;
  #statistics: Promise<void> | null = null;

  constructor(options: PollerOptions) {
    this.#options = options;
  }

  /** The newest sweep that is complete. */
  latest(): Sweep | null {
    return this.#latest;
  }

  /** A sweep that begins after this call. */
  async fresh(signal: AbortSignal): Promise<Sweep> {
    signal.throwIfAborted();
    if (this.#closing.signal.aborted) throw closedError();
    const { promise, resolve, reject } = Promise.withResolvers<Sweep>();
    const waiter: Waiter = { sweep: this.#sweepsBegun + 1, resolve, reject };
    this.#waiters.push(waiter);
    this.poke();
    try {
      return await abortable(promise, signal);
    } finally {
      this.#waiters = this.#waiters.filter((one) => one !== waiter);
    }
  }

  /** Starts the loop if it rests, and lets it look again at what is due. */
  poke(): void {
    this.#wake.abort();
    if (this.#loop !== null || this.#closing.signal.aborted) return;
    this.#loop = this.#run().finally(() => {
      this.#loop = null;
      // Somebody may have asked between the loop's last look and its end.
      if (this.#intervalMs() !== null) this.poke();
    });
  }

  /** State of one task as the newest sweep and the newest statistics show it. */
  stateOf(taskId: string, sweep: Sweep): TaskState | null {
    const task = sweep.tasks.get(taskId);
    if (task === undefined) return null;
    const tables = this.watches.tables(taskId) ?? [];
    const errored = erroredTables(tables);
    const unnamed = task.tablesErrored > 0 && errored.length === 0;
    return {
      status: task.status,
      stopReason: task.stopReason,
      lastFailure: task.lastFailure,
      fullLoadPercent: task.fullLoadPercent,
      erroredTables: unnamed ? [`${task.tablesErrored} tables that DMS has not named yet`] : errored,
      tables,
      observedAtMs: sweep.observedAtMs,
    };
  }

  /** True when the task's statistics are there, or cannot be yet. Throws where DMS refuses to give them. */
  hasTables(taskId: string, sweep: Sweep): boolean {
    const failure = this.watches.failure(taskId);
    if (failure !== undefined) throw failure;
    const task = sweep.tasks.get(taskId);
    return task === undefined || !hasStatistics(task) || this.watches.tables(taskId) !== null;
  }

  async close(): Promise<void> {
    this.#closing.abort(closedError());
    this.#wake.abort();
    for (const waiter of this.#waiters.splice(0)) waiter.reject(closedError());
    await this.#loop;
    await this.#statistics;
  }

  /** How often to sweep now (ms); null: not at all. */
  #intervalMs(): number | null {
    if (this.#closing.signal.aborted) return null;
    if (this.#waiters.length > 0) return this.#options.pollIntervalMs;
    return this.watches.any(this.#options.clock.monotonicMs()) ? this.#options.watchIntervalMs : null;
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    for (let interval = this.#intervalMs(); interval !== null; interval = this.#intervalMs()) {
      const dueInMs = this.#lastBeganMs + interval - clock.monotonicMs();
      if (dueInMs > 0) {
        this.#wake = new AbortController();
        await clock.sleep(dueInMs, this.#wake.signal).catch(() => undefined);
        continue;
      }
      await this.#round();
    }
  }

  /** One sweep; its failure goes to those who wait for it. */
  async #round(): Promise<void> {
    const { clock } = this.#options;
    this.#sweepsBegun += 1;
    const number = this.#sweepsBegun;
    this.#lastBeganMs = clock.monotonicMs();
    const observedAtMs = clock.nowMs();
    try {
      const read = await readTasks(this.#options.calls, this.#options.taskPrefix, this.#closing.signal);
      const sweep: Sweep = { beganMs: this.#lastBeganMs, observedAtMs, ...read };
      this.#latest = sweep;
      this.#settle(number, (waiter) => waiter.resolve(sweep));
      // Beside the sweeps: statistics that do not come must not keep anybody from seeing a task's status.
      this.#statistics ??= this.#readStatistics(sweep).finally(() => {
        this.#statistics = null;
      });
    } catch (error) {
      this.#settle(number, (waiter) => waiter.reject(this.#closing.signal.aborted ? closedError() : error));
    }
  }

  async #readStatistics(sweep: Sweep): Promise<void> {
    const { calls, clock, pollIntervalMs, watchIntervalMs } = this.#options;
    const due = this.watches.due(sweep.tasks, clock.monotonicMs(), pollIntervalMs, watchIntervalMs);
    for (let next = 0; next < due.length && calls.spare() > 0; next += statisticsAtOnce) {
      const some = due.slice(next, next + statisticsAtOnce);
      await Promise.all(some.map((task) => this.#readTables(task)));
    }
  }

  async #readTables({ id, arn }: ObservedTask): Promise<void> {
    const { calls, clock } = this.#options;
    const read = await readTableStatistics(calls, arn, this.#closing.signal).then(
      (tables) => ({ tables }),
      (failure: unknown) => ({ failure }),
    );
    this.watches.keep(id, read, clock.monotonicMs());
  }

  #settle(sweep: number, settle: (waiter: Waiter) => void): void {
    const served = this.#waiters.filter((waiter) => waiter.sweep <= sweep);
    this.#waiters = this.#waiters.filter((waiter) => waiter.sweep > sweep);
    for (const waiter of served) settle(waiter);
  }
}

/** What callers hear who still wait when everything is closed. */
export function closedError(): ReplicationUnavailableError {
  return new ReplicationUnavailableError('the connection to DMS was closed');
}
