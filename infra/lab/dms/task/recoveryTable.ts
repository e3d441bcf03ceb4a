import type { Connection } from 'mysql2';
import { type BinlogPosition, parsePosition } from '../binlog/position.ts';
import { quoteName, quoteTable, run, select } from '../sql/connect.ts';
import { quoteText } from '../sql/literals.ts';

/** Where the service keeps its control tables when ControlSchema is empty and the target is MySQL. */
const DEFAULT_SCHEMA = 'awsdms_control';

/** The task's checkpoint inside the target, written in the same transaction as the changes (TaskRecoveryTableEnabled). */
export class RecoveryTable {
  readonly #name: string;
  readonly #taskArn: string;
  /** What the target held when the run began. */
  readonly checkpoint: BinlogPosition | null;

  constructor(name: string, taskArn: string, checkpoint: BinlogPosition | null) {
    this.#name = name;
    this.#taskArn = taskArn;
    this.checkpoint = checkpoint;
  }

  static async open(connection: Connection, controlSchema: string, taskArn: string): Promise<RecoveryTable> {
    const schema = controlSchema === '' ? DEFAULT_SCHEMA : controlSchema;
    const name = quoteTable(schema, 'awsdms_txn_state');
    await run(connection, `CREATE DATABASE IF NOT EXISTS ${quoteName(schema)}`);
    await run(
      connection,
      `CREATE TABLE IF NOT EXISTS ${name} (
         task_arn VARCHAR(255) CHARACTER SET ascii NOT NULL PRIMARY KEY, position VARCHAR(255) CHARACTER SET ascii NOT NULL)`,
    );
    const [row] = await select(connection, `SELECT position FROM ${name} WHERE task_arn = ?`, [taskArn]);
    return new RecoveryTable(name, taskArn, row?.position ? parsePosition(row.position) : null);
  }

  sql(position: string): string {
    return `REPLACE INTO ${this.#name} VALUES (${quoteText(this.#taskArn)}, ${quoteText(position)})`;
  }
}
