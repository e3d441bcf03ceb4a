import { setTimeout as pause } from 'node:timers/promises';
import type { Connection } from 'mysql2/promise';
import { z } from 'zod';
import { FenceInstallBlockedError } from '../errors/index.ts';

/** An identifier in backticks, whatever is in it. */
export function quoted(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}

/** A text literal; right as long as backslashes escape, which {@link prepare} sees to. */
export function literal(value: string): string {
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}

const LOCK_WAIT_TIMEOUT = 1205;
const PAUSE_MS = 500;

const serverError = z.object({ errno: z.number() });

/**
 * Settings of the installing session. A trigger keeps the sql_mode of the session that made it. The wait for a table's
 * metadata lock is as short as the server can: while a DDL waits, everybody's statements on the table wait behind it.
 */
export async function prepare(connection: Connection): Promise<void> {
  await connection.query(`SET SESSION sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION', lock_wait_timeout = 1,
    innodb_lock_wait_timeout = 10, autocommit = 1`);
  await connection.query('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED');
}

/** Rows of a query, each parsed. */
export async function select<T>(
  connection: Connection,
  schema: z.ZodType<T>,
  sql: string,
  values: readonly unknown[] = [],
): Promise<T[]> {
  const [rows] = await connection.query(sql, [...values]);
  return z.array(schema).parse(rows);
}

/** Runs a DDL statement, again and again where a long transaction keeps the table's lock. */
export async function runDdl(connection: Connection, place: string, sql: string, attempts: number): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await connection.query(sql);
      return;
    } catch (error) {
      const parsed = serverError.safeParse(error);
      if (!parsed.success || parsed.data.errno !== LOCK_WAIT_TIMEOUT) throw error;
      if (attempt === attempts) throw new FenceInstallBlockedError(place, sql.split('\n')[0] ?? sql, attempts, error);
      // Whoever queued behind the attempt goes first.
      await pause(PAUSE_MS);
    }
  }
}
