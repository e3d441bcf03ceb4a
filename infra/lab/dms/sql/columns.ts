import type { Connection } from 'mysql2';
import { select } from './connect.ts';

/** How a column's values are written as SQL. */
export type ColumnKind = 'integer' | 'decimal' | 'float' | 'bit' | 'text' | 'binary' | 'json' | 'temporal';

/** A column as the information schema describes it. */
export interface Column {
  readonly name: string;
  readonly dataType: string;
  readonly columnType: string;
  readonly kind: ColumnKind;
  readonly unsigned: boolean;
  readonly charset: string | null;
  readonly collation: string | null;
  /** Bytes of a BINARY(n), whose trailing zeroes the binary log leaves out; 0 for all others. */
  readonly paddedTo: number;
  /** Labels of an ENUM or SET. */
  readonly labels: readonly string[];
  readonly generated: boolean;
  readonly nullable: boolean;
  /** The service treats it as a LOB: cut, left out or looked up by its LOB settings. */
  readonly lob: boolean;
}

export interface SourceTable {
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly Column[];
  /** Indexes into `columns`, in key order; empty without a primary key. */
  readonly primaryKey: readonly number[];
}

const INTEGERS = new Set(['tinyint', 'smallint', 'mediumint', 'int', 'bigint', 'year']);
const TEMPORALS = new Set(['date', 'time', 'datetime', 'timestamp']);
const LOBS = new Set([
  'tinytext',
  'text',
  'mediumtext',
  'longtext',
  'tinyblob',
  'blob',
  'mediumblob',
  'longblob',
  'json',
  'geometry',
  'point',
  'linestring',
  'polygon',
  'multipoint',
  'multilinestring',
  'multipolygon',
  'geometrycollection',
  'geomcollection',
]);

/** Reads a table's columns and key; null when there is no such base table. */
export async function describeTable(
  connection: Connection,
  schema: string,
  table: string,
): Promise<SourceTable | null> {
  const rows = await select(
    connection,
    `SELECT COLUMN_NAME AS name, DATA_TYPE AS dataType, COLUMN_TYPE AS columnType, CHARACTER_SET_NAME AS charset,
       COLLATION_NAME AS collation, CHARACTER_OCTET_LENGTH AS octets, EXTRA AS extra, IS_NULLABLE AS nullable,
       GENERATION_EXPRESSION AS expression
     FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION`,
    [schema, table],
  );
  if (rows.length === 0) return null;
  const columns = rows.map(toColumn);
  const keys = await select(
    connection,
    `SELECT COLUMN_NAME AS name FROM information_schema.STATISTICS
     WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND INDEX_NAME = 'PRIMARY' ORDER BY SEQ_IN_INDEX`,
    [schema, table],
  );
  const primaryKey = keys.map((key) => columns.findIndex((column) => column.name === key.name));
  return { schema, name: table, columns, primaryKey };
}

function toColumn(row: Record<string, string | null>): Column {
  const dataType = (row.dataType ?? '').toLowerCase();
  const columnType = row.columnType ?? '';
  const charset = row.charset ?? null;
  return {
    name: row.name ?? '',
    dataType,
    columnType,
    kind: kindOf(dataType, charset),
    unsigned: /\bunsigned\b/i.test(columnType),
    charset,
    collation: row.collation ?? null,
    paddedTo: dataType === 'binary' ? Number(row.octets ?? 0) : 0,
    labels: dataType === 'enum' || dataType === 'set' ? labelsOf(columnType) : [],
    generated: Boolean(row.expression) || /\b(virtual|stored|persistent) generated\b/i.test(row.extra ?? ''),
    nullable: row.nullable === 'YES',
    lob: LOBS.has(dataType),
  };
}

function kindOf(dataType: string, charset: string | null): ColumnKind {
  if (INTEGERS.has(dataType)) return 'integer';
  if (dataType === 'decimal') return 'decimal';
  if (dataType === 'float' || dataType === 'double') return 'float';
  if (dataType === 'bit') return 'bit';
  if (dataType === 'json') return 'json';
  if (TEMPORALS.has(dataType)) return 'temporal';
  if (dataType === 'uuid' || dataType === 'inet4' || dataType === 'inet6') return 'text';
  return charset === null ? 'binary' : 'text';
}

/** The labels in `enum('a','it''s')`. */
function labelsOf(columnType: string): string[] {
  return [...columnType.matchAll(/'((?:[^']|'')*)'/g)].map((match) => (match[1] ?? '').replaceAll("''", "'"));
}
