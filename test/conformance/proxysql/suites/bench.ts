import { waitUntil } from '../../waiting.ts';

// What the suites need: one ProxySQL in front of two databases, hostgroup 1 is `source`, hostgroup 2 is `target`.

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
    readonly conn?: {
      readonly mysql: { readonly thread_id: number; readonly server_status: number };
      readonly status: Record<string, boolean>;
    };
  }[];
}

/** A rule, by column name; the rest are defaults. */
export type Rule = Readonly<Record<string, string | number | null>> & { readonly rule_id: number };

/** A connection, of a client or an operator, as mysql2 has it. A lost one fails with PROTOCOL_CONNECTION_LOST. */
export interface SqlClient {
  query(sql: string): Promise<[unknown, unknown]>;
  /** Goes away without a word. */
  destroy(): void;
}

/** A database behind the proxy. */
export interface Side {
  readonly name: string;
  readonly port: number;
}

export type Rows = Record<string, string | null>[];

/** A proxy with its databases and clients, over real connections in the machine's time or simulated in virtual time. */
export abstract class ProxyBench {
  abstract readonly source: Side;
  abstract readonly target: Side;
  #admin: SqlClient | undefined;

  /** A connection to the admin port. */
  abstract newAdmin(): Promise<SqlClient>;
  /** A client of the proxy, in the schema BigDB unless another is given, or none. */
  abstract client(user?: string, options?: { readonly database?: string | null }): Promise<SqlClient>;
  /** A connection to a database, past the proxy. */
  abstract direct(side: Side): Promise<SqlClient>;
  /** Carries out a prepared statement of a client; where there are none, its text with the values in it. */
  abstract prepared(client: SqlClient, sql: string, values: readonly (string | number)[]): Promise<[unknown, unknown]>;
  /** SIGSTOP: connections stay open, nothing is answered. */
  abstract freeze(): void;
  abstract thaw(): void;
  /** Has an operator send a statement, and closes the connection once the statement has left. */
  abstract leaveBehind(operator: SqlClient, sql: string): Promise<void>;
  /** Ends it in order and starts it again. */
  protected abstract restart(): Promise<void>;
  /** Closes what the bench has opened. */
  protected abstract closeConnections(): void;
  /** Milliseconds, of the time in which the proxy lives. */
  abstract nowMs(): number;
  abstract sleep(ms: number): Promise<void>;

  /** Gives every test the same start: no rules, two hostgroups, three users, ten seconds of patience. */
  async reset(): Promise<void> {
    this.forgetConnections();
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
    for (const side of [this.source, this.target]) {
      const connection = await this.direct(side);
      await connection.query('DELETE FROM BigDB.t');
    }
    await this.waitUntilGone();
  }

  /** Its clients and operators are cut off. */
  async restartProxy(): Promise<void> {
    await this.restart();
    this.#admin = undefined;
  }

  /** Runs admin statements one after the other; gives the rows, or the header, of the last. */
  async admin<T = Rows>(...statements: string[]): Promise<T> {
    this.#admin ??= await this.newAdmin();
    let result: unknown;
    for (const statement of statements) [result] = await this.#admin.query(statement);
    return result as T;
  }

  /** Number of rows that an admin statement changed. */
  async affected(statement: string): Promise<number> {
    return (await this.admin<{ affectedRows: number }>(statement)).affectedRows;
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
    const all: Record<string, string | number | null> = { active: 1, apply: 1, ...rule };
    const values = Object.values(all).map((value) =>
      typeof value === 'string' ? `'${value.replaceAll("'", "''")}'` : String(value ?? 'NULL'),
    );
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
    return this.waitUntil(what, async () => (await this.processes()).find(fits), { timeoutMs: 60_000, everyMs: 5 });
  }

  /** Waits for a session of a user that waits for a connection. */
  parked(user = 'org42'): Promise<ProcessRow> {
    return this.waitForProcess(`${user} to be parked`, (row) => row.user === user && row.command === 'Connect');
  }

  async waitUntilGone(): Promise<void> {
    await this.waitUntil('all sessions to be gone', async () => (await this.processes()).length === 0);
  }

  /** Asks again and again until there is an answer; throws where none comes in time. */
  waitUntil<T>(
    what: string,
    ask: () => Promise<T | undefined | false>,
    limits: { readonly timeoutMs?: number; readonly everyMs?: number } = {},
  ): Promise<T> {
    return waitUntil(this, what, ask, limits);
  }

  /** Rows of the table t at a database, by value. */
  async stored(side: Side, value: string): Promise<number> {
    const connection = await this.direct(side);
    const [row] = await rowsOf(connection, `SELECT COUNT(*) AS n FROM BigDB.t WHERE v='${value}'`);
    connection.destroy();
    return Number(row?.n);
  }

  protected forgetConnections(): void {
    this.closeConnections();
    this.#admin = undefined;
  }
}

export async function rowsOf(client: SqlClient, sql: string): Promise<Record<string, unknown>[]> {
  const [rows] = await client.query(sql);
  return rows as Record<string, unknown>[];
}

/** Value of an expression, where the client's queries go. */
export async function value(client: SqlClient, expression: string): Promise<unknown> {
  const [row] = await rowsOf(client, `SELECT ${expression} AS value`);
  return row?.value;
}

/** Which side answers a client's query. */
export async function sideOf(client: SqlClient, prefix = ''): Promise<string> {
  const [row] = await rowsOf(client, `${prefix}SELECT name FROM BigDB.side`);
  return String(row?.name);
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
  const over = () => {
    done = true;
  };
  promise.then(over, over);
  return () => done;
}
