import type { ClientConnection } from '../mysql/client/connection.ts';
import type { RowChange } from '../mysql/server/binlog.ts';
import { SessionEnded } from '../mysql/server/sessionState.ts';
import type { SimServer } from '../mysql/simServer.ts';
import { SqlError } from '../mysql/sqlError.ts';
import { ConnectionLost } from '../net/link.ts';

/** Where the service keeps, at a target, how far its tasks are. */
const STATE = 'awsdms_control.awsdms_txn_state';

/** Makes the table of checkpoints where it is missing; nothing of it has to replicate. */
export async function prepareTarget(server: SimServer): Promise<void> {
  const session = server.local('dms');
  await session.execute('CREATE DATABASE IF NOT EXISTS awsdms_control');
  await session.execute(
    `CREATE TABLE IF NOT EXISTS ${STATE} (task_arn VARCHAR(255) NOT NULL PRIMARY KEY, position BIGINT NOT NULL)`,
  );
  session.end('done');
}

/** What stands in a task's way: `conflict` by its row, `connection` for a while, `refused` for good. */
export type Trouble = 'conflict' | 'retry' | 'connection' | 'refused';

export function troubleOf(error: unknown): Trouble | null {
  if (error instanceof ConnectionLost || error instanceof SessionEnded) return 'connection';
  if (!(error instanceof SqlError)) return null;
  if (error.errno === 1062) return 'conflict';
  if (error.errno === 1205 || error.errno === 1213) return 'retry';
  return error.errno === 1290 ? 'connection' : 'refused';
}

/** A row that is not there, or is there already. */
export class RowConflict extends Error {
  constructor(kind: string, change: RowChange) {
    super(`${kind} on ${change.schema}.${change.table}: the row is not as it should be`);
    this.name = 'RowConflict';
  }
}

/**
 * Writes one transaction of the source as one of the target, with the checkpoint in it. Conflicts are passed over where
 * `mayBeLoaded` says that the load may have brought the row.
 */
export async function writeTransaction(
  connection: ClientConnection,
  changes: readonly RowChange[],
  checkpoint: { readonly taskArn: string; readonly position: number },
  mayBeLoaded: boolean,
): Promise<void> {
  await connection.inOneRequest(async (run) => {
    await run('START TRANSACTION');
    try {
      for (const change of changes) {
        try {
          const { affectedRows } = await run(...statementFor(change));
          if (affectedRows === 0 && !mayBeLoaded) throw new RowConflict(kindOf(change), change);
        } catch (error) {
          if (!(troubleOf(error) === 'conflict' && mayBeLoaded)) throw error;
        }
      }
      await run(`REPLACE INTO ${STATE} (task_arn, position) VALUES (?, ?)`, [checkpoint.taskArn, checkpoint.position]);
      await run('COMMIT');
    } catch (error) {
      if (!connection.session.ended) await run('ROLLBACK');
      throw error;
    }
  });
}

/** How far the target says that the task was; null where it says nothing. */
export async function readCheckpoint(connection: ClientConnection, taskArn: string): Promise<number | null> {
  const { rows } = await connection.query(`SELECT position FROM ${STATE} WHERE task_arn = ?`, [taskArn]);
  const position = rows?.[0]?.[0] ?? null;
  return position === null ? null : Number(position);
}

/** Puts loaded rows in; a key that is there already is a conflict. */
export async function loadRows(
  connection: ClientConnection,
  name: string,
  columns: readonly string[],
  rows: readonly (readonly unknown[])[],
): Promise<void> {
  const sql = `INSERT INTO ${name} (${columns.join(', ')}) VALUES ?`;
  await connection.query(sql, [rows]);
}

function kindOf({ before, after }: RowChange): 'insert' | 'update' | 'delete' {
  return before === null ? 'insert' : after === null ? 'delete' : 'update';
}

function statementFor({ schema, table, columns, primary, before, after }: RowChange): [string, readonly unknown[]] {
  const name = `${schema}.${table}`;
  const where = primary.map((index) => `${columns[index]} = ?`).join(' AND ');
  const key = primary.map((index) => (before ?? after)?.[index]);
  if (before === null) {
    return [`INSERT INTO ${name} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`, after ?? []];
  }
  if (after === null) return [`DELETE FROM ${name} WHERE ${where}`, key];
  // The whole image: what was changed at the target meanwhile is as it was at the source.
  return [
    `UPDATE ${name} SET ${columns.map((column) => `${column} = ?`).join(', ')} WHERE ${where}`,
    [...after, ...key],
  ];
}
