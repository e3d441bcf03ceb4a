import { randomBytes } from 'node:crypto';
import {
  CreateEndpointCommand,
  CreateReplicationTaskCommand,
  type CreateReplicationTaskCommandInput,
  DatabaseMigrationServiceClient,
  DescribeConnectionsCommand,
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

import { rule, SAFE_SETTINGS, type TableRule } from './rules.ts';
import { Task } from './task.ts';

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
  readonly #tasks: Task[] = [];

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

  /** Deletes every task that was created here and is left. */
  async removeTasks(): Promise<void> {
    await Promise.all(this.#tasks.splice(0).map((task) => task.remove()));
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
    this.#tasks.push(task);
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
