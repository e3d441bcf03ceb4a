import type { TaskBench } from './bench.ts';

/** What the suites read of a task. */
export interface ShownTask {
  readonly ReplicationTaskArn: string;
  readonly Status: string;
  readonly StopReason?: string;
  readonly LastFailureMessage?: string;
  readonly MigrationType: string;
  readonly ReplicationTaskStats?: {
    readonly FullLoadProgressPercent?: number;
    readonly TablesLoaded?: number;
    readonly FullLoadFinishDate?: Date;
  };
}

export interface ShownTable {
  readonly TableName: string;
  readonly TableState: string;
  readonly FullLoadRows: number;
}

/** A task of a test, driven as the product drives its own. */
export class BenchTask {
  readonly id: string;
  readonly #bench: TaskBench;
  #arn: string | null = null;

  constructor(bench: TaskBench, id: string) {
    this.#bench = bench;
    this.id = id;
  }

  /** Null where there is none. */
  async describe(): Promise<ShownTask | null> {
    const { api, signal } = this.#bench;
    const filters = [{ name: 'replication-task-id', values: [this.id] }];
    try {
      const reply = await api.describeTasks({ filters, marker: null, maxRecords: 100, withoutSettings: true }, signal);
      const [shown] = (reply as { ReplicationTasks: readonly ShownTask[] }).ReplicationTasks;
      this.#arn = shown?.ReplicationTaskArn ?? this.#arn;
      return shown ?? null;
    } catch (error) {
      if (error instanceof Error && error.name === 'ResourceNotFoundFault') return null;
      throw error;
    }
  }

  async arn(): Promise<string> {
    if (this.#arn === null) await this.describe();
    if (this.#arn === null) throw new Error(`there is no task ${this.id}`);
    return this.#arn;
  }

  async until(status: string): Promise<ShownTask> {
    let last: ShownTask | null = null;
    const wanted = async () => {
      last = await this.describe();
      return last?.Status === status ? last : undefined;
    };
    return this.#bench.waitUntil(`${this.id} to be ${status}`, wanted).catch((error: unknown) => {
      throw new Error(`${String(error)}; last seen ${last?.Status} ${last?.LastFailureMessage ?? ''}`);
    });
  }

  async untilGone(): Promise<void> {
    await this.#bench.waitUntil(`${this.id} to be gone`, async () => (await this.describe()) === null);
  }

  /** What the service answers; from then on Describe shows what comes of it, as after every change here. */
  async start(cdcStartPosition: string | null = null): Promise<unknown> {
    return this.#start('start-replication', cdcStartPosition);
  }

  async resume(): Promise<unknown> {
    return this.#start('resume-processing', null);
  }

  /** Starts or resumes it and waits until its tables are loaded and it carries changes. */
  async run(how: 'start' | 'resume' = 'start', cdcStartPosition: string | null = null): Promise<void> {
    await (how === 'start' ? this.start(cdcStartPosition) : this.resume());
    await this.until('running');
    await this.loaded();
  }

  async loaded(): Promise<void> {
    await this.#bench.waitUntil(`tables of ${this.id} to be loaded`, async () => {
      const task = await this.describe();
      if (task?.Status === 'failed') throw new Error(`${this.id} failed: ${task.LastFailureMessage}`);
      // Until the load as a whole has ended, changes count as possibly part of it, and a conflict as none.
      const ended = task?.MigrationType === 'cdc' || task?.ReplicationTaskStats?.FullLoadFinishDate !== undefined;
      const tables = await this.tables();
      return ended && tables.length > 0 && tables.every(({ TableState }) => TableState === 'Table completed');
    });
  }

  async tables(): Promise<readonly ShownTable[]> {
    const { api, signal } = this.#bench;
    const request = { taskArn: await this.arn(), marker: null, maxRecords: 100 };
    const reply = await api.describeTableStatistics(request, signal);
    return (reply as { TableStatistics?: readonly ShownTable[] }).TableStatistics ?? [];
  }

  async table(name: string): Promise<ShownTable | undefined> {
    return (await this.tables()).find(({ TableName }) => TableName === name);
  }

  async stop(): Promise<unknown> {
    return this.#change(this.#bench.api.stopTask({ taskArn: await this.arn() }, this.#bench.signal));
  }

  async delete(): Promise<unknown> {
    return this.#change(this.#bench.api.deleteTask({ taskArn: await this.arn() }, this.#bench.signal));
  }

  /** Has it gone, whatever it is doing. */
  async remove(): Promise<void> {
    const resting = ['ready', 'stopped', 'failed'];
    await this.#bench.waitUntil(`${this.id} to rest`, async () => {
      const status = (await this.describe())?.Status;
      if (status === undefined || status === 'deleting' || resting.includes(status)) return true;
      // Describe lags behind: it may have come to its end meanwhile.
      if (status === 'running') await this.stop().catch(() => {});
      return false;
    });
    if ((await this.describe()) !== null) await this.delete().catch(() => {});
    await this.untilGone();
  }

  async #start(startType: 'start-replication' | 'resume-processing', cdcStartPosition: string | null) {
    const request = { taskArn: await this.arn(), startType, cdcStartPosition };
    return this.#change(this.#bench.api.startTask(request, this.#bench.signal));
  }

  async #change(call: Promise<unknown>): Promise<unknown> {
    const reply = await call;
    await this.#bench.sleep(this.#bench.staleMs);
    return reply;
  }
}
