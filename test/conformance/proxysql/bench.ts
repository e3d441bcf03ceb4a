import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import mysql, { type Connection, type ConnectionOptions } from 'mysql2/promise';
import {
  type DatabaseServer,
  makeTempFolder,
  pollUntil,
  removeFolder,
  startMariaDb,
} from '../../../infra/lab/databases/index.ts';
import { type ProxySqlServer, startProxySql } from '../../../infra/lab/proxysql/start.ts';
import { ProxyBench } from './suites/bench.ts';

export { errorOf, HOLD, type Rule, SOURCE, settled, sideOf, TARGET } from './suites/bench.ts';

/** One ProxySQL, real or stand-in, in front of two real databases. */
export class Bench extends ProxyBench {
  readonly folder: string;
  readonly source: DatabaseServer;
  readonly target: DatabaseServer;
  readonly proxy: ProxySqlServer;
  readonly #connections = new Set<Connection>();

  constructor(folder: string, source: DatabaseServer, target: DatabaseServer, proxy: ProxySqlServer) {
    super();
    this.folder = folder;
    this.source = source;
    this.target = target;
    this.proxy = proxy;
  }

  static async start(): Promise<Bench> {
    const folder = await makeTempFolder('proxysql-conformance-');
    const [source, target, proxy] = await Promise.all([
      startMariaDb({ name: 'source', baseDir: folder }),
      startMariaDb({ name: 'target', baseDir: folder }),
      startProxySql({ name: 'proxy', baseDir: folder }),
    ]);
    const bench = new Bench(folder, source, target, proxy);
    for (const server of [source, target]) {
      const connection = await bench.direct(server);
      await connection.query('CREATE DATABASE BigDB CHARACTER SET utf8mb4');
      await connection.query('CREATE TABLE BigDB.side (name VARCHAR(10) PRIMARY KEY) AS SELECT ? AS name', [
        server.name,
      ]);
      await connection.query(
        'CREATE TABLE BigDB.t (id INT AUTO_INCREMENT PRIMARY KEY, org INT, v VARCHAR(200), b LONGBLOB)',
      );
      await connection.query('CREATE TABLE BigDB.gate (id INT PRIMARY KEY) AS SELECT 1 AS id');
      await connection.query('CREATE DATABASE other');
      for (const user of ['org42', 'org4', 'shared']) {
        await connection.query(`CREATE USER ${user}@'%' IDENTIFIED BY '${user}'`);
        await connection.query(`GRANT ALL ON *.* TO ${user}@'%'`);
      }
    }
    return bench;
  }

  async stop(): Promise<void> {
    this.forgetConnections();
    await this.proxy.stop();
    await Promise.all([this.source.stop(), this.target.stop()]);
    await removeFolder(this.folder);
  }

  protected restart(): Promise<void> {
    return this.proxy.restart();
  }

  async newAdmin(): Promise<Connection> {
    const { host, adminPort, adminUser, adminPassword } = this.proxy;
    return this.#track(
      await mysql.createConnection({ host, port: adminPort, user: adminUser, password: adminPassword }),
    );
  }

  /** A client of the proxy. */
  async client(
    user = 'org42',
    {
      database = 'BigDB',
      ...options
    }: Omit<ConnectionOptions, 'database'> & { readonly database?: string | null } = {},
  ): Promise<Connection> {
    const { host, port } = this.proxy;
    const all = { host, port, user, password: user, ...(database === null ? {} : { database }), ...options };
    return this.#track(await mysql.createConnection(all));
  }

  prepared(client: Connection, sql: string, values: readonly (string | number)[]): Promise<[unknown, unknown]> {
    return client.execute(sql, [...values]);
  }

  freeze(): void {
    this.proxy.freeze();
  }

  thaw(): void {
    this.proxy.thaw();
  }

  async leaveBehind(sender: Connection, sql: string): Promise<void> {
    const { stream } = (sender as unknown as { connection: { stream: Socket } }).connection;
    const written = stream.bytesWritten;
    sender.query(sql).catch(() => {});
    await pollUntil(
      'the statement to be on its way',
      async () => stream.bytesWritten > written && stream.writableLength === 0,
    );
    sender.destroy();
  }

  nowMs(): number {
    return performance.now();
  }

  sleep(ms: number): Promise<void> {
    return sleep(ms);
  }

  /** A connection to a database, past the proxy. */
  async direct(server: DatabaseServer): Promise<Connection> {
    const { host, port, user, password } = server;
    return this.#track(await mysql.createConnection({ host, port, user, password }));
  }

  #track(connection: Connection): Connection {
    this.#connections.add(connection);
    // A connection that the proxy cuts is part of some tests.
    connection.on('error', () => this.#connections.delete(connection));
    return connection;
  }

  protected closeConnections(): void {
    for (const connection of this.#connections) connection.destroy();
    this.#connections.clear();
  }
}
