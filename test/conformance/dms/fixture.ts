import { randomBytes } from 'node:crypto';
import {
  CreateEndpointCommand,
  CreateReplicationTaskCommand,
  type CreateReplicationTaskCommandInput,
  DatabaseMigrationServiceClient,
  DeleteReplicationTaskCommand,
  DescribeConnectionsCommand,
  DescribeReplicationTasksCommand,
  DescribeTableStatisticsCommand,
  type ReplicationTask,
  StartReplicationTaskCommand,
  StopReplicationTaskCommand,
  type TableStatistics,
  TestConnectionCommand,
} from '@aws-sdk/client-database-migration-service';
import { type Connection, createConnection } from 'mysql2/promise';
import {
  type DatabaseServer,
  makeTempFolder,
  pollUntil,
  removeFolder,
  startCluster,
  startMariaDb,
} from '../../../infra/lab/databases/index.ts';
import { type DmsOptions, type DmsServer, startDms } from '../../../infra/lab/dms/start.ts';

/** Settings as a careful user sends them: nothing dropped, nothing cut, nothing logged and forgotten. */
export const SAFE_SETTINGS = {
  TargetMetadata: { SupportLobs: true, FullLobMode: true, LimitedSizeLobMode: false, BatchApplyEnabled: false },
  FullLoadSettings: { TargetTablePrepMode: 'DO_NOTHING' },
  ErrorBehavior: {
    DataErrorPolicy: 'STOP_TASK',
    DataTruncationErrorPolicy: 'STOP_TASK',
    TableErrorPolicy: 'STOP_TASK',
    ApplyErrorDeletePolicy: 'STOP_TASK',
    ApplyErrorInsertPolicy: 'STOP_TASK',
    ApplyErrorUpdatePolicy: 'STOP_TASK',
    FailOnNoTablesCaptured: true,
  },
  ChangeProcessingDdlHandlingPolicy: {
    HandleSourceTableDropped: false,
    HandleSourceTableTruncated: false,
    HandleSourceTableAltered: false,
  },
};

export interface Sides {
  readonly maria: DatabaseServer;
  readonly cluster: DatabaseServer;
}

/** The stand-in with a MariaDB site and a cluster, and the unmodified SDK in front. */
export class Fixture {
  readonly folder: string;
  readonly maria: DatabaseServer;
  readonly cluster: DatabaseServer;
  readonly dms: DmsServer;
  readonly client: DatabaseMigrationServiceClient;
  readonly #connections: Connection[] = [];
  readonly #endpoints = new Map<string, string>();

  constructor(folder: string, sides: Sides, dms: DmsServer) {
    this.folder = folder;
    this.maria = sides.maria;
    this.cluster = sides.cluster;
    this.dms = dms;
    this.client = sdk(dms);
  }

  static async start(options: Omit<DmsOptions, 'baseDir'> = {}): Promise<Fixture> {
    const folder = await makeTempFolder('dms-conformance-');
    const [maria, cluster, dms] = await Promise.all([
      startMariaDb({
        name: 'site',
        baseDir: folder,
        variables: { 'log-bin': 'mysql-bin-changelog', 'auto-increment-increment': '8', 'auto-increment-offset': '1' },
      }),
      startCluster({ name: 'cluster', baseDir: folder }),
      startDms({ baseDir: folder, ...options }),
    ]);
    return new Fixture(folder, { maria, cluster }, dms);
  }

  get instanceArn(): string {
    return this.dms.instances[0]?.arn ?? '';
  }

  async stop(): Promise<void> {
    this.client.destroy();
    await Promise.all(this.#connections.map((connection) => connection.end()));
    await this.dms.stop();
    await Promise.all([this.maria.stop(), this.cluster.stop()]);
    await removeFolder(this.folder);
  }

  /** A connection that the fixture closes. */
  async connect(server: DatabaseServer, options: { database?: string } = {}): Promise<Connection> {
    const connection = await createConnection({
      host: server.host,
      port: server.port,
      user: server.user,
      password: server.password,
      charset: 'utf8mb4',
      dateStrings: true,
      supportBigNumbers: true,
      bigNumberStrings: true,
      multipleStatements: true,
      timezone: 'Z',
      ...options,
    });
    this.#connections.push(connection);
    await connection.query("SET time_zone = '+00:00'");
    return connection;
  }

  /** An endpoint for the server, made once per server and side, with its connection tested. */
  async endpoint(server: DatabaseServer, type: 'source' | 'target', attributes?: string): Promise<string> {
    const key = `${server.name}-${type}-${attributes ?? ''}`;
    const known = this.#endpoints.get(key);
    if (known !== undefined) return known;
    const arn = await this.untestedEndpoint(server, type, attributes);
    await this.test(arn);
    this.#endpoints.set(key, arn);
    return arn;
  }

  async untestedEndpoint(server: DatabaseServer, type: 'source' | 'target', attributes?: string): Promise<string> {
    const { Endpoint } = await this.client.send(
      new CreateEndpointCommand({
        EndpointIdentifier: unique(`${server.name}-${type}`),
        EndpointType: type,
        EngineName: server.flavour === 'mariadb' ? 'mariadb' : type === 'source' ? 'aurora' : 'mysql',
        ServerName: server.host,
        Port: server.port,
        Username: server.user,
        Password: server.password,
        ...(attributes === undefined ? {} : { ExtraConnectionAttributes: attributes }),
      }),
    );
    return Endpoint?.EndpointArn ?? '';
  }

  /** Tests a connection and gives how that ended. */
  async test(endpointArn: string): Promise<string> {
    await this.client.send(
      new TestConnectionCommand({ ReplicationInstanceArn: this.instanceArn, EndpointArn: endpointArn }),
    );
    return pollUntil('the connection test', async () => {
      const { Connections } = await this.client.send(
        new DescribeConnectionsCommand({ Filters: [{ Name: 'endpoint-arn', Values: [endpointArn] }] }),
      );
      const status = Connections?.[0]?.Status;
      return status === 'testing' ? undefined : status;
    });
  }

  /** Creates a task, forward (site to cluster) unless said otherwise, and waits until it is ready. */
  async create(given: TaskInput): Promise<Task> {
    const { reverse = false, tables, settings = SAFE_SETTINGS, sourceAttributes, targetAttributes, ...input } = given;
    const [from, to] = reverse ? [this.cluster, this.maria] : [this.maria, this.cluster];
    const { ReplicationTask: created } = await this.client.send(
      new CreateReplicationTaskCommand({
        ReplicationTaskIdentifier: unique('task'),
        SourceEndpointArn: await this.endpoint(from, 'source', sourceAttributes),
        TargetEndpointArn: await this.endpoint(to, 'target', targetAttributes),
        ReplicationInstanceArn: this.instanceArn,
        MigrationType: 'full-load-and-cdc',
        TableMappings: JSON.stringify({ rules: tables.map(rule) }),
        ...(settings === null ? {} : { ReplicationTaskSettings: JSON.stringify(settings) }),
        ...input,
      }),
    );
    const task = new Task(this.client, created?.ReplicationTaskArn ?? '', created?.ReplicationTaskIdentifier ?? '');
    await task.until('ready');
    return task;
  }
}

export interface TaskInput extends Partial<CreateReplicationTaskCommandInput> {
  readonly tables: readonly TableRule[];
  readonly reverse?: boolean;
  /** null sends none. */
  readonly settings?: object | null;
  readonly sourceAttributes?: string;
  readonly targetAttributes?: string;
}

export interface TableRule {
  readonly schema: string;
  readonly table: string;
  readonly filters?: readonly object[];
  readonly action?: string;
}

/** A selection rule for a table. */
export function rule({ schema, table, filters, action = 'include' }: TableRule, index: number): object {
  return {
    'rule-type': 'selection',
    'rule-id': String(index + 1),
    'rule-name': `rule-${index + 1}`,
    'object-locator': { 'schema-name': schema, 'table-name': table },
    'rule-action': action,
    ...(filters === undefined ? {} : { filters }),
  };
}

/** The filter that keeps one org's rows. */
export function ofOrg(orgId: number): object[] {
  return [where('OrgID', [{ 'filter-operator': 'eq', value: String(orgId) }])];
}

export function where(column: string, conditions: readonly object[]): object {
  return { 'filter-type': 'source', 'column-name': column, 'filter-conditions': conditions };
}

export function unique(prefix: string): string {
  return `${prefix}-x${randomBytes(5).toString('hex')}`;
}

export function sdk(dms: DmsServer, options: { maxAttempts?: number } = {}): DatabaseMigrationServiceClient {
  return new DatabaseMigrationServiceClient({
    endpoint: dms.url,
    region: dms.region,
    credentials: { accessKeyId: 'any', secretAccessKey: 'thing' },
    ...options,
  });
}

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

  async until(status: string, timeoutMs = 20_000): Promise<ReplicationTask> {
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
        const tables = await this.tables();
        return tables.length > 0 && tables.every(({ TableState }) => TableState === 'Table completed');
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

/** Waits until a query gives the wanted rows. */
export async function untilRows(connection: Connection, sql: string, wanted: unknown): Promise<void> {
  // Servers differ in which numbers come as text.
  const text = (rows: unknown): string =>
    JSON.stringify(rows, (_key, value: unknown) => (typeof value === 'number' ? String(value) : value));
  const expected = text(wanted);
  let last = '';
  await pollUntil(
    `${sql} to give ${expected.slice(0, 500)}`,
    async () => {
      // A column or table may be on its way as well.
      last = await connection.query({ sql, rowsAsArray: true }).then(([rows]) => text(rows), String);
      return last === expected;
    },
    { everyMs: 5, timeoutMs: 10_000 },
  ).catch((error: unknown) => {
    throw new Error(`${String(error)}; last ${last.slice(0, 500)}`);
  });
}

/** The server's binary log position as DMS takes it. */
export async function nativePosition(connection: Connection, server: DatabaseServer): Promise<string> {
  const [rows] = await connection.query(server.flavour === 'mysql' ? 'SHOW BINARY LOG STATUS' : 'SHOW MASTER STATUS');
  const [status] = rows as unknown as { File: string; Position: string | number }[];
  return `${status?.File}:${status?.Position}`;
}

/** Makes the same database, empty, on both sides. */
export async function freshSchema(connections: readonly Connection[], schema: string): Promise<void> {
  for (const connection of connections) {
    await connection.query(`DROP DATABASE IF EXISTS ${schema}; CREATE DATABASE ${schema}; USE ${schema}`);
  }
}
