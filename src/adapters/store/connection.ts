import { createPool, type PoolOptions } from 'mysql2/promise';
import { CutoverError } from '../../errors/base.ts';
import { StoreUnavailableError } from '../../errors/store.ts';
import { noStatementCache } from '../mysql/statementCache.ts';

/** How the store's database is reached. */
export interface StoreConfig {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly ssl?: PoolOptions['ssl'];
}

/** Time after which a statement of the store counts as unanswered (milliseconds). */
const statementTimeoutMs = 5_000;

/** Longest rest between two statements of a transaction (whole seconds, as the server counts them). */
const idleTransactionSeconds = 2;
/** Around a transaction's statements. `wait_timeout` is what MariaDB and MySQL share; it counts only while nothing is asked. */
const beginning = [`SET SESSION wait_timeout = ${idleTransactionSeconds}`, 'START TRANSACTION'];
const ending = ['COMMIT', 'SET SESSION wait_timeout = DEFAULT'];

/** One statement of several. */
export interface Statement {
  readonly sql: string;
  readonly values?: readonly unknown[];
}

/** What is used of a connection to the store; a simulation may take its place. */
export interface StoreConnection {
  query(
    statement: string | { readonly sql: string; readonly timeout: number },
    values?: readonly unknown[],
  ): Promise<readonly [unknown, unknown]>;
  /**
   * A transaction from the next statement on, in one request with it. The server ends one that nobody goes on with: what
   * a frozen or cut-off controller has locked would keep everybody from taking over.
   */
  begin(): void;
  /** Several statements in one request: the first that fails is the last. Resolves to what `query` gives of each. */
  together(statements: readonly Statement[]): Promise<readonly unknown[]>;
  /** COMMIT, in one request with these statements, and only behind all of them. Resolves as `together`. */
  commit(statements?: readonly Statement[]): Promise<readonly unknown[]>;
  release(): void;
  destroy(): void;
}

/** Connections to the store. */
export interface StorePool {
  getConnection(): Promise<StoreConnection>;
  end(): Promise<void>;
}

/** The driver's own pool. */
export function openPool(config: StoreConfig): StorePool {
  const pool = createPool({
    host: config.host,
    port: config.port,
    user: config.user,
    password: config.password,
    database: config.database,
    ...(config.ssl === undefined ? {} : { ssl: config.ssl }),
    connectionLimit: 12,
    maxIdle: 12,
    connectTimeout: statementTimeoutMs,
    enableKeepAlive: true,
    timezone: 'Z',
    supportBigNumbers: true,
    // For what goes together in one request.
    multipleStatements: true,
    ...noStatementCache,
  });
  return {
    end: () => pool.end(),
    async getConnection() {
      const connection = await pool.getConnection();
      let begins = false;
      const request = async (statements: readonly Statement[], behind: readonly string[] = []) => {
        const before = begins ? beginning : [];
        begins = false;
        const sql = [...before, ...statements.map((statement) => statement.sql), ...behind].join('; ');
        const values = statements.flatMap((statement) => statement.values ?? []);
        const [answer] = await connection.query({ sql, timeout: statementTimeoutMs }, values);
        const alone = before.length + statements.length + behind.length === 1;
        const answers = alone ? [answer] : (answer as unknown[]);
        return answers.slice(before.length, before.length + statements.length);
      };
      return {
        query: async (statement, values = []) => {
          if (!begins) return connection.query(statement as string, [...values]);
          const { sql } = typeof statement === 'string' ? { sql: statement } : statement;
          return [(await request([{ sql, values }]))[0], undefined];
        },
        begin() {
          begins = true;
        },
        together: (statements) => request(statements),
        commit: (statements = []) => request(statements, ending),
        release: () => connection.release(),
        destroy: () => connection.destroy(),
      };
    },
  };
}

/** Statements inside a transaction or on a connection of their own. */
export interface StoreSession {
  /** Rows of a SELECT, to be parsed by the caller. */
  rows(sql: string, values?: readonly unknown[]): Promise<readonly unknown[]>;
  /** Affected rows of a statement that writes. */
  write(sql: string, values?: readonly unknown[]): Promise<number>;
  /** The AUTO_INCREMENT number that an INSERT of one row was given, or the LAST_INSERT_ID(…) that a statement said. */
  insert(sql: string, values?: readonly unknown[]): Promise<number>;
  /** Several statements that write, in one request; what became of each. */
  writeAll(statements: readonly Statement[]): Promise<readonly Written[]>;
}

/** What became of a statement that writes. */
export interface Written {
  readonly affectedRows: number;
  readonly insertId: number;
}

/** The statements of a transaction. */
export interface TransactionSession extends StoreSession {
  /**
   * The last ones that write, with the COMMIT in the same request: whatever could refuse the transaction has to have
   * been looked at before.
   */
  writeLast(statements: readonly Statement[]): Promise<void>;
}

function sessionOn(connection: StoreConnection): StoreSession {
  const run = (sql: string, values: readonly unknown[] = []) =>
    connection.query({ sql, timeout: statementTimeoutMs }, values);
  return {
    rows: async (sql, values) => (await run(sql, values))[0] as unknown[],
    write: async (sql, values) => ((await run(sql, values))[0] as Written).affectedRows,
    insert: async (sql, values) => ((await run(sql, values))[0] as Written).insertId,
    writeAll: async (statements) => (await connection.together(statements)) as Written[],
  };
}

/** Errors of the server that tell of the statement, not of the connection: the caller decides. */
function isServerRefusal(error: unknown): boolean {
  const candidate = error as { errno?: unknown; sqlState?: unknown };
  return typeof candidate.errno === 'number' && typeof candidate.sqlState === 'string';
}

/**
 * Runs `work` on one connection. A connection on which anything failed is thrown away: what it still carries out is
 * not known. Deadlocks and lost connections come out as `StoreUnavailableError` (transient).
 */
export function withSession<T>(
  pool: StorePool,
  action: string,
  work: (session: StoreSession) => Promise<T>,
): Promise<T> {
  return withConnection(pool, action, async (connection) => work(sessionOn(connection)));
}

/** As `withSession`, with the connection itself. */
export async function withConnection<T>(
  pool: StorePool,
  action: string,
  work: (connection: StoreConnection) => Promise<T>,
): Promise<T> {
  let connection: StoreConnection | null = null;
  try {
    connection = await pool.getConnection();
    const result = await work(connection);
    connection.release();
    return result;
  } catch (error) {
    connection?.destroy();
    if (error instanceof CutoverError) throw error;
    throw new StoreUnavailableError(
      `store: ${action} failed: ${error instanceof Error ? error.message : String(error)}`,
      {
        cause: error,
        details: { action, ...(isServerRefusal(error) ? { errno: (error as { errno: number }).errno } : {}) },
      },
    );
  }
}

/** Server errors after which the same transaction may well succeed: lock wait time-out, deadlock, snapshot conflict. */
const retryable = new Set([1205, 1213, 1020]);

/** A transaction, tried again after a deadlock. */
export async function transaction<T>(
  pool: StorePool,
  action: string,
  work: (session: TransactionSession) => Promise<T>,
): Promise<T> {
  for (let tried = 1; ; tried++) {
    try {
      return await withConnection(pool, action, async (connection) => {
        const session = sessionOn(connection);
        let committed = false;
        const writeLast = async (statements: readonly Statement[]) => {
          await connection.commit(statements);
          committed = true;
        };
        connection.begin();
        try {
          const result = await work({ ...session, writeLast });
          if (!committed) await connection.commit();
          return result;
        } catch (error) {
          if (error instanceof CutoverError) await session.write('ROLLBACK');
          throw error;
        }
      });
    } catch (error) {
      const errno = error instanceof StoreUnavailableError ? error.details.errno : undefined;
      if (tried >= 5 || typeof errno !== 'number' || !retryable.has(errno)) throw error;
    }
  }
}
