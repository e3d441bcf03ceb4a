import {
  type Connection,
  createConnection,
  type QueryResult,
  type ResultSetHeader,
  type RowDataPacket,
} from 'mysql2/promise';
import type { StatementKind, Timings } from './timings.ts';
import type { WorkloadOrg, WorkloadProxy, WorkloadRouting } from './types.ts';

/** What a statement is made of. */
export interface Statement {
  readonly sql: string;
  readonly values: readonly (string | number | Buffer | null)[];
  /** Through COM_STMT_PREPARE and COM_STMT_EXECUTE instead of as text. */
  readonly prepared: boolean;
}

/** One client connection of one org through one proxy. Connects at the first statement and again after it was lost. */
export class ClientSession {
  readonly org: WorkloadOrg;
  readonly proxy: WorkloadProxy;
  readonly #routing: WorkloadRouting;
  readonly #timings: Timings;
  #connection: Connection | undefined;
  #closed = false;

  constructor(org: WorkloadOrg, proxy: WorkloadProxy, routing: WorkloadRouting, timings: Timings) {
    this.org = org;
    this.proxy = proxy;
    this.#routing = routing;
    this.#timings = timings;
  }

  /** Rows of a plain read. */
  async read(statement: Statement): Promise<RowDataPacket[]> {
    return this.#run<RowDataPacket[]>(statement, 'read', true);
  }

  /** Rows of a read that locks, so it is a write to the proxies. */
  async readLocking(statement: Statement): Promise<RowDataPacket[]> {
    return this.#run<RowDataPacket[]>(statement, 'write', true);
  }

  async write(statement: Statement): Promise<ResultSetHeader> {
    return this.#run<ResultSetHeader>(statement, 'write', true);
  }

  /** BEGIN, COMMIT, ROLLBACK. */
  async control(sql: 'BEGIN' | 'COMMIT' | 'ROLLBACK', annotated = true): Promise<void> {
    await this.#run({ sql, values: [], prepared: false }, 'write', annotated);
  }

  /** Drops the connection; the next statement makes a new one. */
  disconnect(): void {
    this.#connection?.destroy();
    this.#connection = undefined;
  }

  /** Ends the connection for good; a statement on its way fails. */
  close(): void {
    this.#closed = true;
    this.disconnect();
  }

  async #run<T extends QueryResult>(statement: Statement, kind: StatementKind, annotated: boolean): Promise<T> {
    const connection = this.#connection ?? (await this.#connect());
    const sql =
      annotated && this.#routing === 'comment' ? `/* OrgID=${this.org.orgId} */ ${statement.sql}` : statement.sql;
    const values = [...statement.values];
    const timing = this.#timings.start(this.org.orgId, kind);
    try {
      const [result] = statement.prepared
        ? await connection.execute<T>(sql, values)
        : await connection.query<T>(sql, values);
      return result;
    } finally {
      this.#timings.end(timing);
    }
  }

  async #connect(): Promise<Connection> {
    const connection = await createConnection({
      host: this.proxy.host,
      port: this.proxy.port,
      user: this.org.user,
      password: this.org.password,
      database: this.org.database,
      charset: 'utf8mb4',
      supportBigNumbers: true,
      dateStrings: true,
      connectTimeout: 10_000,
    });
    // An idle connection that is lost tells so at its next statement.
    connection.on('error', () => {});
    if (this.#closed) {
      connection.destroy();
      throw new Error('the workload has been stopped');
    }
    this.#connection = connection;
    return connection;
  }
}
