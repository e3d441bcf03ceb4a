import type { Connection } from 'mysql2/promise';
import { type DatabaseServer, pollUntil } from '../../../infra/lab/databases/index.ts';

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
    { everyMs: 5, timeoutMs: 60_000 },
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
