import { readdir, readFile } from 'node:fs/promises';
import type { Connection, ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import { type DatabaseServer, pollUntil } from '../../infra/lab/databases/index.ts';

/** What the promise was rejected with; fails when it was not. */
export async function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('it was expected to fail and did not');
}

export async function insert(connection: Connection, orgId: number, body = 'x'): Promise<number> {
  const [result] = await connection.query<ResultSetHeader>('INSERT INTO BigDB.CallLogs (OrgID, Body) VALUES (?, ?)', [
    orgId,
    body,
  ]);
  return result.insertId;
}

/** Many rows in one statement. */
export async function insertMany(connection: Connection, orgId: number, rows: number): Promise<void> {
  await connection.query('INSERT INTO BigDB.CallLogs (OrgID, Body) VALUES ?', [
    Array.from({ length: rows }, (_, index) => [orgId, `row ${index}`]),
  ]);
}

export async function countOf(connection: Connection, orgId: number, table = 'CallLogs'): Promise<number> {
  const [rows] = await connection.query<RowDataPacket[]>(`SELECT COUNT(*) AS n FROM BigDB.${table} WHERE OrgID = ?`, [
    orgId,
  ]);
  return Number(rows[0]?.n);
}

/** Stops the server's process where it is; returns when every thread of it stands still. */
export async function freeze(server: DatabaseServer): Promise<void> {
  await server.kill('SIGSTOP');
  const threads = `/proc/${server.pid}/task`;
  await pollUntil(`${server.name} to stand still`, async () => {
    const stats = await Promise.all((await readdir(threads)).map((id) => readFile(`${threads}/${id}/stat`, 'utf8')));
    // The state follows the name, which is in parentheses.
    return stats.every((stat) => stat.slice(stat.lastIndexOf(')') + 2).startsWith('T'));
  });
}

/** Waits until some transaction waits for a row lock. */
export async function someoneWaitsForALock(admin: Connection): Promise<void> {
  const waiting = async () => {
    const [rows] = await admin.query<RowDataPacket[]>(
      `SELECT 1 FROM information_schema.INNODB_TRX WHERE trx_state = 'LOCK WAIT'`,
    );
    return rows.length > 0;
  };
  // The server answers from a cache that is only renewed when nobody asked for a tenth of a second.
  await pollUntil('a transaction to wait for a lock', waiting, { everyMs: 150 });
}

/** Epochs that only grow, whatever order the tests run in. */
let lastEpoch = 100;
export function nextEpoch(): number {
  lastEpoch += 1;
  return lastEpoch;
}
