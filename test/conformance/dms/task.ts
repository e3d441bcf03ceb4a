import {
  type DatabaseMigrationServiceClient,
  DeleteReplicationTaskCommand,
  DescribeReplicationTasksCommand,
  DescribeTableStatisticsCommand,
  type ReplicationTask,
  StartReplicationTaskCommand,
  StopReplicationTaskCommand,
  type TableStatistics,
} from '@aws-sdk/client-database-migration-service';
import { pollUntil } from '../../../infra/lab/databases/index.ts';

/** A task of the test's, as the API shows it. */
export class Task {
  readonly #client: DatabaseMigrationServiceClient;
  readonly arn: string;
  readonly identifier: string;

  constructor(client: DatabaseMigrationServiceClient, arn: string, identifier: string) {
    this.#client = client;
    this.arn = arn;
    this.identifier = identifier;
  }

  async describe(): Promise<ReplicationTask | null> {
    try {
      const { ReplicationTasks } = await this.#client.send(
        new DescribeReplicationTasksCommand({ Filters: [{ Name: 'replication-task-arn', Values: [this.arn] }] }),
      );
      return ReplicationTasks?.[0] ?? null;
    } catch (error) {
      if (error instanceof Error && error.name === 'ResourceNotFoundFault') return null;
      throw error;
    }
  }

  async until(status: string, timeoutMs = 60_000): Promise<ReplicationTask> {
    let last: ReplicationTask | null = null;
    return pollUntil(
      `task ${this.identifier} to be ${status}`,
      async () => {
        last = await this.describe();
        return last?.Status === status ? last : undefined;
      },
      { everyMs: 10, timeoutMs },
    ).catch((error: unknown) => {
      throw new Error(`${String(error)}; last seen ${last?.Status} ${last?.LastFailureMessage ?? ''}`);
    });
  }

  async start(
    type: 'start-replication' | 'resume-processing' | 'reload-target' = 'start-replication',
    position: { CdcStartPosition?: string; CdcStartTime?: Date } = {},
  ): Promise<void> {
    await this.#client.send(
      new StartReplicationTaskCommand({
        ReplicationTaskArn: this.arn,
        StartReplicationTaskType: type,
        ...position,
      }),
    );
  }

  /** Starts it and waits until all its tables are loaded and it applies changes. */
  async run(
    type: 'start-replication' | 'resume-processing' | 'reload-target' = 'start-replication',
    position: { CdcStartPosition?: string; CdcStartTime?: Date } = {},
  ): Promise<void> {
    await this.start(type, position);
    await this.until('running');
    await this.loaded();
  }

  async loaded(): Promise<void> {
    await pollUntil(
      `tables of ${this.identifier} to be loaded`,
      async () => {
        const task = await this.describe();
        if (task?.Status === 'failed') throw new Error(`task failed: ${task.LastFailureMessage}`);
        // Until the load as a whole has ended, changes count as possibly part of it.
        const ended = task?.MigrationType === 'cdc' || task?.ReplicationTaskStats?.FullLoadFinishDate !== undefined;
        const tables = await this.tables();
        return ended && tables.length > 0 && tables.every(({ TableState }) => TableState === 'Table completed');
      },
      { everyMs: 10 },
    );
  }

  async tables(): Promise<TableStatistics[]> {
    const { TableStatistics: tables } = await this.#client.send(
      new DescribeTableStatisticsCommand({ ReplicationTaskArn: this.arn }),
    );
    return tables ?? [];
  }

  async table(name: string): Promise<TableStatistics> {
    const table = (await this.tables()).find(({ TableName }) => TableName === name);
    if (table === undefined) throw new Error(`no statistics of ${name}`);
    return table;
  }

  async stop(): Promise<ReplicationTask> {
    await this.#client.send(new StopReplicationTaskCommand({ ReplicationTaskArn: this.arn }));
    return this.until('stopped');
  }

  /** Stops it if need be, deletes it and waits until it is gone. */
  async remove(): Promise<void> {
    const task = await this.describe();
    if (task === null) return;
    if (task.Status === 'running') await this.stop();
    await this.#client.send(new DeleteReplicationTaskCommand({ ReplicationTaskArn: this.arn }));
    await pollUntil(`${this.identifier} to be gone`, async () => (await this.describe()) === null, { everyMs: 10 });
  }
}
