import type { Connection } from 'mysql2';
import { TableError, TaskError } from '../errors.ts';
import type { RowFilter } from '../mapping/filter.ts';
import type { SourceTable } from '../sql/columns.ts';
import { select } from '../sql/connect.ts';

/** Refuses a source whose binary log cannot be replicated from. */
export async function checkSource(connection: Connection): Promise<void> {
  const rows = await select(
    connection,
    "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('log_bin', 'binlog_format', 'binlog_row_image')",
  );
  const value = (name: string): string => (rows.find((row) => row.Variable_name === name)?.Value ?? '').toUpperCase();
  if (value('log_bin') !== 'ON') throw refused('log_bin is not ON');
  if (value('binlog_format') !== 'ROW') throw refused(`binlog_format is ${value('binlog_format')}, it must be ROW`);
  if (value('binlog_row_image') !== 'FULL') {
    throw refused(`binlog_row_image is ${value('binlog_row_image')}, it must be FULL`);
  }
}

/** All base tables of the source's own schemas. */
export async function listTables(connection: Connection): Promise<{ schema: string; table: string }[]> {
  const rows = await select(
    connection,
    `SELECT TABLE_SCHEMA AS s, TABLE_NAME AS t FROM information_schema.TABLES
     WHERE TABLE_TYPE = 'BASE TABLE' AND TABLE_SCHEMA NOT IN ('mysql', 'sys', 'performance_schema', 'information_schema')`,
  );
  return rows.map((row) => ({ schema: row.s ?? '', table: row.t ?? '' }));
}

function refused(reason: string): TaskError {
  return new TaskError('SOURCE_BINLOG', `the source cannot be used for change capture: ${reason}`, {
    recoverable: false,
  });
}

/** Refuses a table that lacks a column of its filter, or has one of a type that cannot be carried. */
export function checkColumns(source: SourceTable, filter: RowFilter): void {
  for (const name of filter.columns) {
    if (!source.columns.some((column) => column.name.toLowerCase() === name.toLowerCase())) {
      throw new TableError('FILTER_COLUMN', `the filter names column ${name}, which the table does not have`);
    }
  }
  const strange = source.columns.find((column) => ['uuid', 'inet4', 'inet6'].includes(column.dataType));
  if (strange !== undefined) {
    throw new TableError(
      'COLUMN_TYPE',
      `column ${strange.name} has type ${strange.columnType}, which is not supported`,
    );
  }
}
