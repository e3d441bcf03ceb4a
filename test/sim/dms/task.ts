import { dmsFaults } from './fault.ts';
import { type Mapping, parseMapping } from './mapping.ts';
import { newProgress, type Progress } from './progress.ts';
import { RunEnded, run } from './run.ts';
import type { Surroundings } from './surroundings.ts';

export type TaskStatus = 'creating' | 'ready' | 'starting' | 'running' | 'stopping' | 'stopped' | 'failed' | 'deleting';

/** What Describe shows of a task's life, from a moment on. */
export interface TaskView {
  readonly atMs: number;
  readonly status: TaskStatus;
  readonly stopReason: string | null;
  readonly lastFailure: string | null;
}

export interface TaskDefinition {
  readonly id: string;
  readonly arn: string;
  readonly instanceArn: string;
  readonly sourceArn: string;
  readonly targetArn: string;
  /** Names of the servers behind the endpoints. */
  readonly source: string;
  readonly target: string;
  readonly migrationType: 'full-load-and-cdc' | 'cdc';
  readonly mappings: string;
  /** As the service echoes them. */
  readonly settings: string;
  readonly recoveryTable: boolean;
}

/** Index of the first event of the source's binlog that is taken; `missing` where the binlog does not reach there. */
export type StartPoint = number | 'missing';

/** How long the steps of a task's life take (milliseconds). */
const TIMES = {
  create: [20, 400],
  start: [20, 400],
  stop: [10, 300],
  delete: [50, 1_500],
  slowDelete: [3_000, 15_000],
} as const;
const SLOW_DELETE = 0.1;
const RETRY_MS = [200, 1_500] as const;
const MOST_RETRIES = 20;
/** A task that was stopped, taken up again by the service itself. */
const SELF_RESUME = { chance: 0.15, afterMs: [300, 6_000] } as const;

/** A replication task and its life; rules as in the stand-in of the lab. */
export class SimTask {
  readonly definition: TaskDefinition;
  readonly mapping: Mapping;
  readonly #world: Surroundings;
  readonly #tell: (what: string) => void;
  readonly #fault: (error: unknown) => void;
  readonly #views: TaskView[] = [];
  progress: Progress = newProgress(0);
  everRan = false;
  /** It was told to begin where its source's binlog does not reach. */
  #isMissing = false;
  lagMs = 0;
  #status: TaskStatus = 'creating';
  /** Grows with whatever ends a run: what belongs to an older number does nothing any more. */
  #life = 0;
  #retries = 0;
  /** Resolves when nothing of the last run goes on: what it was writing is written. */
  #running: Promise<void> = Promise.resolve();

  constructor(
    definition: TaskDefinition,
    world: Surroundings,
    tell: (what: string) => void,
    fault: (error: unknown) => void,
  ) {
    this.definition = definition;
    this.mapping = parseMapping(definition.mappings);
    this.#world = world;
    this.#tell = tell;
    this.#fault = fault;
    this.#enter('creating');
    this.#after(TIMES.create, () => this.#enter('ready'));
  }

  get status(): TaskStatus {
    return this.#status;
  }

  /** The task as it was at a moment; null before it was there. */
  viewAt(atMs: number): TaskView | null {
    return this.#views.findLast((view) => view.atMs <= atMs) ?? null;
  }

  /** As it is now. */
  get view(): TaskView {
    const last = this.#views.at(-1);
    if (last === undefined) throw new Error('a task without a beginning');
    return last;
  }

  /** Refuses where it does not rest. */
  mustRest(toBe: 'started' | 'deleted'): void {
    if (['ready', 'stopped', 'failed'].includes(this.#status)) return;
    throw dmsFaults.state(`the task cannot be ${toBe}, it is currently ${this.#status}`);
  }

  /** `from` is where its capture begins in the source's binlog; null goes on from where it was. */
  start(from: StartPoint | null): void {
    this.mustRest('started');
    if (from !== null) {
      this.#isMissing = from === 'missing';
      this.progress = newProgress(from === 'missing' ? 0 : from);
    }
    if (this.definition.migrationType === 'cdc') {
      for (const { name } of this.mapping.tables) this.progress.loaded.add(name);
      this.progress.overlapUntil ??= 0;
    }
    this.everRan = true;
    this.#retries = 0;
    this.#enter('starting');
    this.#after(TIMES.start, () => {
      this.#enter('running');
      this.#run();
    });
  }

  stop(): void {
    if (this.#status !== 'running') throw dmsFaults.state('the task is currently not running');
    this.#enter('stopping');
    this.#afterRun(() => this.#after(TIMES.stop, () => this.#end('stopped', 'NORMAL', null)));
  }

  delete(gone: () => void): void {
    this.mustRest('deleted');
    this.#enter('deleting');
    this.#after(this.#world.random.chance(SLOW_DELETE) ? TIMES.slowDelete : TIMES.delete, () => {
      this.#tell(`${this.definition.id} is deleted`);
      gone();
    });
  }

  /** Ends what runs, for the reason that Describe will show. */
  interrupt(status: 'stopped' | 'failed', reason: string, message: string | null): void {
    if (this.#status !== 'running') return;
    this.#life += 1;
    this.#afterRun(() => this.#end(status, reason, message));
  }

  /** The service may take a stopped task up again by itself. */
  #end(status: 'stopped' | 'failed', reason: string, message: string | null): void {
    this.#enter(status, `Stop Reason ${reason}`, message);
    this.#tell(`${this.definition.id} ${status}: ${reason}${message === null ? '' : `, ${message}`}`);
    const { random } = this.#world;
    if (status !== 'stopped' || !random.chance(SELF_RESUME.chance)) return;
    this.#after(SELF_RESUME.afterMs, () => {
      this.#tell(`${this.definition.id} is resumed by the service itself`);
      this.start(null);
    });
  }

  /** One table is left out from now on, while the task says that it runs. */
  failTable(name: string): void {
    this.progress.errored.add(name);
  }

  #run(): void {
    if (this.#isMissing) {
      this.#end('failed', 'FATAL_ERROR', 'the position is not in the binary log of the source');
      return;
    }
    const life = this.#life;
    const going = () => this.#life === life && this.#status === 'running';
    const { arn, source, target, recoveryTable } = this.definition;
    const spec = {
      arn,
      source,
      target,
      mapping: this.mapping,
      progress: this.progress,
      recoveryTable,
      going,
      lagMs: () => this.lagMs,
    };
    this.#running = run(spec, this.#world).catch((error) => {
      if (!(error instanceof RunEnded)) this.#fault(error);
      else if (going()) this.#ended(error);
    });
  }

  #ended({ message, recoverable, table }: RunEnded): void {
    if (table !== null) this.progress.errored.add(table);
    if (!recoverable || this.#retries >= MOST_RETRIES) {
      this.#end('failed', recoverable ? 'RECOVERABLE_ERROR' : 'FATAL_ERROR', message);
      return;
    }
    this.#retries += 1;
    this.#tell(`${this.definition.id} tries again: ${message}`);
    this.#enter('running', null, message);
    this.#after(RETRY_MS, () => this.#run());
  }

  #afterRun(then: () => void): void {
    const life = this.#life;
    void this.#running.then(() => {
      if (this.#life === life) then();
    });
  }

  #enter(status: TaskStatus, stopReason: string | null = null, lastFailure: string | null = null): void {
    this.#life += 1;
    this.#status = status;
    this.#views.push({ atMs: this.#world.scheduler.nowMs, status, stopReason, lastFailure });
  }

  #after([from, to]: readonly [number, number], then: () => void): void {
    const life = this.#life;
    this.#world.scheduler.after(this.#world.random.between(from, to), () => {
      if (this.#life === life) then();
    });
  }
}
