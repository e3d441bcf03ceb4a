import mysql, {
  type Connection,
  type ConnectionOptions,
  type ResultSetHeader,
  type RowDataPacket,
} from 'mysql2/promise';
import {
  type DatabaseServer,
  makeTempFolder,
  pollUntil,
  removeFolder,
  startMariaDb,
} from '../../../infra/lab/databases/index.ts';
import { type ProxySqlServer, startProxySql } from '../../../infra/lab/proxysql/start.ts';

// One ProxySQL, real or stand-in, in front of two databases: hostgroup 1 is `source`, hostgroup 2 is `target`.

export const SOURCE = 1;
export const TARGET = 2;
/** An empty hostgroup: what goes there is parked. */
export const HOLD = 900;

export interface ProcessRow {
  readonly SessionID: string;
  readonly user: string;
  readonly hostgroup: string;
  readonly command: string;
  readonly info: string | null;
  readonly extended: SessionInfo;
}

/** What is read of `extended_info`. */
export interface SessionInfo {
  readonly active_transactions: number;
  readonly transaction_time_ms: number;
  readonly locked_on_hostgroup: number;
  readonly current_hostgroup: number;
  readonly client: {
    readonly client_addr: { readonly address: string; readonly port: number };
    readonly userinfo: { readonly username: string; readonly schemaname: string };
  };
  readonly backends?: readonly {
    readonly hostgroup_id: number;
    readonly conn?: { readonly mysql: { readonly thread_id: number }; readonly status: Record<string, boolean> };
  }[];
}

/** A rule, by column name; the rest are defaults. */
export type Rule = Readonly<Record<string, string | number | null>> & { readonly rule_id: number };

export class Bench {
  readonly folder: string;
  readonly source: DatabaseServer;
  readonly target: DatabaseServer;
  readonly proxy: ProxySqlServer;
  #admin: Connection | undefined;
  readonly #connections = new Set<Connection>();

  constructor(folder: string, source: DatabaseServer, target: DatabaseServer, proxy: ProxySqlServer) {
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
      await connection.query('CREATE DATABASE other');
      for (const user of ['org42', 'org4', 'shared']) {
        await connection.query(`CREATE USER ${user}@'%' IDENTIFIED BY '${user}'`);
        await connection.query(`GRANT ALL ON *.* TO ${user}@'%'`);
      }
    }
    return bench;
  }

  /** Gives every test the same start: no rules, two hostgroups, three users, ten seconds of patience. */
  async reset(): Promise<void> {
    this.#closeConnections();
    await this.admin(
      'DELETE FROM mysql_query_rules',
      'DELETE FROM mysql_query_rules_fast_routing',
      'LOAD MYSQL QUERY RULES TO RUNTIME',
      'DELETE FROM mysql_servers',
      `INSERT INTO mysql_servers (hostgroup_id, hostname, port) VALUES
         (${SOURCE}, '127.0.0.1', ${this.source.port}), (${TARGET}, '127.0.0.1', ${this.target.port})`,
      'LOAD MYSQL SERVERS TO RUNTIME',
      'DELETE FROM mysql_users',
      `INSERT INTO mysql_users (username, password, default_hostgroup) VALUES
         ('org42', 'org42', ${SOURCE}), ('org4', 'org4', ${SOURCE}), ('shared', 'shared', ${SOURCE})`,
      'LOAD MYSQL USERS TO RUNTIME',
    );
    await this.variables({
      connect_timeout_server_max: 10_000,
      show_processlist_extended: 1,
      enforce_autocommit_on_reads: 'false',
    });
    for (const server of [this.source, this.target]) {
      const connection = await this.direct(server);
      await connection.query('DELETE FROM BigDB.t');
    }
    await this.waitUntilGone();
  }

  async stop(): Promise<void> {
    this.#closeConnections();
    await this.proxy.stop();
    await Promise.all([this.source.stop(), this.target.stop()]);
    await removeFolder(this.folder);
  }

  async restartProxy(): Promise<void> {
    this.#closeConnections();
    await this.proxy.restart();
  }

  /** Runs admin statements one after the other; gives the rows, or the header, of the last. */
  async admin<T = Record<string, string | null>[]>(...statements: string[]): Promise<T> {
    this.#admin ??= await this.newAdmin();
    let result: unknown;
    for (const statement of statements) [result] = await this.#admin.query(statement);
    return result as T;
  }

  async newAdmin(): Promise<Connection> {
    const { host, adminPort, adminUser, adminPassword } = this.proxy;
    return this.#track(
      await mysql.createConnection({ host, port: adminPort, user: adminUser, password: adminPassword }),
    );
  }

  async affected(statement: string): Promise<number> {
    return (await this.admin<ResultSetHeader>(statement)).affectedRows;
  }

  async variables(values: Readonly<Record<string, string | number>>): Promise<void> {
    for (const [name, value] of Object.entries(values)) await this.admin(`SET mysql-${name}='${value}'`);
    await this.admin('LOAD MYSQL VARIABLES TO RUNTIME');
  }

  /** Makes these the only rules, and publishes them. */
  async rules(...rules: readonly Rule[]): Promise<void> {
    await this.admin('DELETE FROM mysql_query_rules');
    for (const rule of rules) await this.addRule(rule);
    await this.admin('LOAD MYSQL QUERY RULES TO RUNTIME');
  }

  async addRule(rule: Rule): Promise<void> {
    const all = { active: 1, apply: 1, ...rule };
    const values = Object.values(all).map((value) => mysql.escape(value).replaceAll('\\\\', '\\'));
    await this.admin(`INSERT INTO mysql_query_rules (${Object.keys(all).join(', ')}) VALUES (${values.join(', ')})`);
  }

  /** Copies a hostgroup's servers into another, as a release does. */
  async copyServers(from: number, to: number): Promise<void> {
    await this.admin(
      `INSERT INTO mysql_servers (hostgroup_id, hostname, port)
         SELECT ${to}, hostname, port FROM mysql_servers WHERE hostgroup_id=${from}`,
      'LOAD MYSQL SERVERS TO RUNTIME',
    );
  }

  async removeServers(hostgroup: number): Promise<void> {
    await this.admin(`DELETE FROM mysql_servers WHERE hostgroup_id=${hostgroup}`, 'LOAD MYSQL SERVERS TO RUNTIME');
  }

  async processes(): Promise<ProcessRow[]> {
    const rows = await this.admin('SELECT * FROM stats_mysql_processlist ORDER BY SessionID');
    return rows.map((row) => ({ ...row, extended: JSON.parse(row.extended_info ?? '{}') }) as unknown as ProcessRow);
  }

  /** The only session that fits, once there is one. */
  async waitForProcess(what: string, fits: (row: ProcessRow) => boolean): Promise<ProcessRow> {
    return pollUntil(what, async () => (await this.processes()).find(fits), { timeoutMs: 60_000, everyMs: 5 });
  }

  /** A client of the proxy. */
  async client(user = 'org42', options: ConnectionOptions = {}): Promise<Connection> {
    const { host, port } = this.proxy;
    const all = { host, port, user, password: user, database: 'BigDB', ...options };
    return this.#track(await mysql.createConnection(all));
  }

  /** A client with exactly these options. */
  async plainClient(options: ConnectionOptions): Promise<Connection> {
    return this.#track(await mysql.createConnection(options));
  }

  async waitUntilGone(): Promise<void> {
    await pollUntil('all sessions to be gone', async () => (await this.processes()).length === 0);
  }

  /** A connection to a database, past the proxy. */
  async direct(server: DatabaseServer): Promise<Connection> {
    const { host, port, user, password } = server;
    return this.#track(await mysql.createConnection({ host, port, user, password }));
  }

  /** Rows of the table t at a database, by value. */
  async stored(server: DatabaseServer, value: string): Promise<number> {
    const connection = await this.direct(server);
    const [rows] = await connection.query<RowDataPacket[]>('SELECT COUNT(*) AS n FROM BigDB.t WHERE v=?', [value]);
    await connection.end();
    return Number(rows[0]?.n);
  }

  #track(connection: Connection): Connection {
    this.#connections.add(connection);
    // A connection that the proxy cuts is part of some tests.
    connection.on('error', () => this.#connections.delete(connection));
    return connection;
  }

  #closeConnections(): void {
    for (const connection of this.#connections) connection.destroy();
    this.#connections.clear();
    this.#admin = undefined;
  }
}

/** Which side answers a client's query. */
export async function sideOf(client: Connection, prefix = ''): Promise<string> {
  const [rows] = await client.query<RowDataPacket[]>(`${prefix}SELECT name FROM BigDB.side`);
  return String(rows[0]?.name);
}

/** The error that a promise fails with, or undefined. */
export async function errorOf(
  promise: Promise<unknown>,
): Promise<{ errno?: number; message: string; code?: string } | undefined> {
  return promise.then(
    () => undefined,
    (error) => error,
  );
}

/** Whether a promise is still pending after the proxy has answered something else meanwhile. */
export function settled(promise: Promise<unknown>): () => boolean {
  let done = false;
  promise.then(
    () => {
      done = true;
    },
    () => {
      done = true;
    },
  );
  return () => done;
}
