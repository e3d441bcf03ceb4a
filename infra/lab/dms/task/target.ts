import type { Connection } from 'mysql2';
import { TableError } from '../errors.ts';
import type { TaskSettings } from '../settings/settings.ts';
import { type Column, describeTable, type SourceTable } from '../sql/columns.ts';
import { close, connect, type DatabaseAddress, quoteName, quoteTable, run, select } from '../sql/connect.ts';

/** A target as its endpoint describes it. */
export interface TargetAddress extends DatabaseAddress {
  /** Statements of `Initstmt` or `AfterConnectScript`; run on every connection. */
  readonly initStatements: readonly string[];
}

export interface TargetSession {
  readonly connection: Connection;
  /** False where the session's sql_mode has NO_ZERO_DATE: zero dates are then written as NULL. */
  readonly zeroDates: boolean;
}

/** Opens a connection that writes as the endpoint's user: UTC, no foreign key checks, zero stays zero in AUTO_INCREMENT columns. */
export async function openTarget(address: TargetAddress, watchError: (error: Error) => void): Promise<TargetSession> {
  const connection = await connect(address, watchError);
  try {
    for (const statement of address.initStatements) await run(connection, statement);
    await run(
      connection,
      `SET SESSION time_zone = '+00:00', foreign_key_checks = 0,
         sql_mode = CONCAT(REPLACE(@@SESSION.sql_mode, 'NO_BACKSLASH_ESCAPES', ''), ',NO_AUTO_VALUE_ON_ZERO')`,
    );
    const [row] = await select(connection, 'SELECT @@SESSION.sql_mode AS mode');
    return { connection, zeroDates: !(row?.mode ?? '').split(',').includes('NO_ZERO_DATE') };
  } catch (error) {
    close(connection);
    throw error;
  }
}

/** Gets the target's table ready for the load, by TargetTablePrepMode, and says what columns it has. */
export async function prepareTable(
  connection: Connection,
  source: SourceTable,
  mode: TaskSettings['FullLoadSettings']['TargetTablePrepMode'] | 'KEEP',
): Promise<SourceTable> {
  const name = quoteTable(source.schema, source.name);
  if (mode === 'DROP_AND_CREATE') await run(connection, `DROP TABLE IF EXISTS ${name}`);
  let target = await describeTable(connection, source.schema, source.name);
  if (target === null) {
    await run(connection, `CREATE DATABASE IF NOT EXISTS ${quoteName(source.schema)}`);
    await run(connection, createTableSql(source));
    target = await describeTable(connection, source.schema, source.name);
    if (target === null) throw new TableError('TARGET_TABLE_MISSING', `${name} could not be created at the target`);
  } else if (mode === 'TRUNCATE_BEFORE_LOAD') {
    await run(connection, `TRUNCATE TABLE ${name}`);
  }
  return target;
}

/** The service creates columns and primary key, nothing else: no AUTO_INCREMENT, defaults, secondary indexes or foreign keys. */
function createTableSql(source: SourceTable): string {
  const columns = source.columns.map(
    (column) => `${quoteName(column.name)} ${columnSql(column)}${column.nullable ? ' NULL' : ' NOT NULL'}`,
  );
  const key = source.primaryKey.map((index) => quoteName(source.columns[index]?.name ?? ''));
  if (key.length > 0) columns.push(`PRIMARY KEY (${key.join(', ')})`);
  return `CREATE TABLE ${quoteTable(source.schema, source.name)} (${columns.join(', ')})`;
}

function columnSql(column: Column): string {
  return column.charset === null ? column.columnType : `${column.columnType} CHARACTER SET ${column.charset}`;
}
