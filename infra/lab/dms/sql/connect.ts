import { type Connection, createConnection, type FieldPacket, type QueryResult } from 'mysql2';

/** Where and as whom a database is reached. */
export interface DatabaseAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

const CONNECT_TIMEOUT_MS = 10_000;

/**
 * A connection of its own, ready for use: UTF-8, UTC, values as text. `watchError` hears of a connection that breaks
 * while idle; the commands under way hear of it themselves.
 */
export async function connect(address: DatabaseAddress, watchError: (error: Error) => void): Promise<Connection> {
  const connection = createConnection({
    host: address.host,
    port: address.port,
    user: address.user,
    password: address.password,
    charset: 'utf8mb4',
    multipleStatements: true,
    supportBigNumbers: true,
    bigNumberStrings: true,
    dateStrings: true,
    connectTimeout: CONNECT_TIMEOUT_MS,
    enableKeepAlive: true,
    // The driver reserves room for 16,000 prepared statements per connection by default; none is used here.
    maxPreparedStatements: 1,
  });
  await new Promise<void>((resolve, reject) => {
    const failed = (error: Error): void => {
      // A connection that failed may say so more than once.
      connection.on('error', () => undefined);
      connection.destroy();
      reject(error);
    };
    connection.once('error', failed);
    connection.connect((error) => {
      if (error) {
        failed(error);
        return;
      }
      connection.removeListener('error', failed);
      connection.on('error', watchError);
      resolve();
    });
  });
  return connection;
}

/** Runs SQL and gives what the driver gives: rows, or one header per statement. */
export function run<T extends QueryResult>(connection: Connection, sql: string): Promise<T> {
  return new Promise((resolve, reject) => {
    connection.query(sql, (error, result: QueryResult, _fields: FieldPacket[]) => {
      if (error) reject(error);
      else resolve(result as T);
    });
  });
}

/** Runs a SELECT; every value is text or null. */
export function select(
  connection: Connection,
  sql: string,
  values: readonly string[] = [],
): Promise<Record<string, string | null>[]> {
  return new Promise((resolve, reject) => {
    connection.query(
      { sql, values: [...values], typeCast: (field) => field.string('utf8') },
      (error, rows: QueryResult) => {
        if (error) reject(error);
        else resolve(rows as unknown as Record<string, string | null>[]);
      },
    );
  });
}

/** Ends a connection politely, or at once when it does not answer. */
export function close(connection: Connection): void {
  connection.removeAllListeners('error');
  // What a connection that is being given up still has to say is of no interest to anybody.
  connection.on('error', () => connection.destroy());
  connection.end(() => connection.destroy());
}

export const quoteName = (name: string): string => `\`${name.replaceAll('`', '``')}\``;
export const quoteTable = (schema: string, table: string): string => `${quoteName(schema)}.${quoteName(table)}`;
