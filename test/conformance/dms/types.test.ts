import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LabDatabaseError, pollUntil } from '../../../infra/lab/databases/index.ts';
import { Fixture } from './fixture.ts';
import { freshSchema, nativePosition, untilRows } from './rows.ts';
import { ofOrg, SAFE_SETTINGS } from './rules.ts';

let lab: Fixture;
let site: Connection;
let cluster: Connection;

beforeAll(async () => {
  lab = await Fixture.start();
  site = await lab.connect(lab.maria);
  cluster = await lab.connect(lab.cluster);
}, 120_000);

afterAll(async () => {
  await lab.stop();
});

/** A column of every type, with what each row (a row of edge cases) holds in it, as SQL. */
const COLUMNS: readonly { name: string; type: string; values: readonly string[]; read?: string }[] = [
  { name: 'tiny', type: 'TINYINT', values: ['-128', '127', 'NULL'] },
  { name: 'tinyU', type: 'TINYINT UNSIGNED', values: ['255', '0', 'NULL'] },
  { name: 'small', type: 'SMALLINT', values: ['-32768', '32767', 'NULL'] },
  { name: 'smallU', type: 'SMALLINT UNSIGNED', values: ['65535', '0', 'NULL'] },
  { name: 'medium', type: 'MEDIUMINT', values: ['-8388608', '8388607', 'NULL'] },
  { name: 'mediumU', type: 'MEDIUMINT UNSIGNED', values: ['16777215', '0', 'NULL'] },
  { name: 'whole', type: 'INT', values: ['-2147483648', '2147483647', 'NULL'] },
  { name: 'wholeU', type: 'INT UNSIGNED', values: ['4294967295', '0', 'NULL'] },
  { name: 'big', type: 'BIGINT', values: ['-9223372036854775808', '9007199254740993', 'NULL'] },
  { name: 'bigU', type: 'BIGINT UNSIGNED', values: ['18446744073709551615', '9223372036854775808', 'NULL'] },
  { name: 'filled', type: 'INT(8) ZEROFILL', values: ['42', '0', 'NULL'] },
  { name: 'truth', type: 'BOOLEAN', values: ['TRUE', 'FALSE', 'NULL'] },
  {
    name: 'exact',
    type: 'DECIMAL(65,30)',
    values: [`-${'9'.repeat(35)}.${'9'.repeat(30)}`, '0.000000000000000000000000000001', 'NULL'],
  },
  { name: 'money', type: 'DECIMAL(12,4)', values: ['-0.0001', '12345678.9000', 'NULL'] },
  { name: 'digits', type: 'DECIMAL(20,0)', values: ['-12345678901234567890', '0', 'NULL'] },
  { name: 'single', type: 'FLOAT', values: ['0.1', '-3.4028234e38', 'NULL'], read: 'single+0e0' },
  { name: 'dbl', type: 'DOUBLE', values: ['0.1', '-1.7976931348623157e308', 'NULL'] },
  { name: 'dbl2', type: 'DOUBLE', values: ['5e-324', '1e22', '12345678901234567890'] },
  { name: 'bit1', type: 'BIT(1)', values: ["b'1'", "b'0'", 'NULL'], read: 'HEX(bit1)' },
  { name: 'bit13', type: 'BIT(13)', values: ["b'1000000000001'", "b'101'", 'NULL'], read: 'HEX(bit13)' },
  { name: 'bit64', type: 'BIT(64)', values: ['0xFFFFFFFFFFFFFFFF', '0x8000000000000001', 'NULL'], read: 'HEX(bit64)' },
  { name: 'day', type: 'DATE', values: ["'0000-00-00'", "'9999-12-31'", 'NULL'] },
  { name: 'day2', type: 'DATE', values: ["'1000-01-01'", "'2024-02-29'", 'NULL'] },
  { name: 'moment', type: 'DATETIME', values: ["'0000-00-00 00:00:00'", "'9999-12-31 23:59:59'", 'NULL'] },
  { name: 'moment3', type: 'DATETIME(3)', values: ["'2024-01-01 00:00:00.001'", "'1999-12-31 23:59:59.999'", 'NULL'] },
  {
    name: 'moment6',
    type: 'DATETIME(6)',
    values: ["'2024-01-01 12:34:56.000001'", "'1970-01-01 00:00:00.999999'", 'NULL'],
  },
  { name: 'stamp', type: 'TIMESTAMP NULL', values: ["'0000-00-00 00:00:00'", "'2038-01-19 03:14:07'", 'NULL'] },
  {
    name: 'stamp6',
    type: 'TIMESTAMP(6) NULL',
    values: ["'1970-01-01 00:00:01.000001'", "'2026-03-29 01:30:00.123456'", 'NULL'],
  },
  { name: 'span', type: 'TIME', values: ["'-838:59:59'", "'838:59:59'", 'NULL'] },
  { name: 'span1', type: 'TIME(1)', values: ["'-00:00:00.1'", "'11:22:33.4'", 'NULL'] },
  { name: 'span4', type: 'TIME(4)', values: ["'-00:00:01.0001'", "'-10:59:59.9999'", 'NULL'] },
  { name: 'span6', type: 'TIME(6)', values: ["'-12:34:56.000001'", "'00:00:00.999999'", 'NULL'] },
  { name: 'anno', type: 'YEAR', values: ["'0000'", '2155', 'NULL'] },
  { name: 'chars', type: 'CHAR(10)', values: ["'trail  '", "''", 'NULL'] },
  { name: 'fixed', type: 'BINARY(6)', values: ["X'00FF00'", "X'0000000000FF'", 'NULL'], read: 'HEX(fixed)' },
  {
    name: 'text4',
    type: 'VARCHAR(200) CHARACTER SET utf8mb4',
    values: ["'naïve 😀 𝒳 \\\\ \\' \"'", "'\\0\\n\\r\\Z'", 'NULL'],
    read: 'HEX(text4)',
  },
  {
    name: 'text1',
    type: 'VARCHAR(300) CHARACTER SET latin1',
    values: ["'café €'", "REPEAT('ÿ', 300)", 'NULL'],
    read: 'HEX(text1)',
  },
  { name: 'text3', type: 'VARCHAR(50) CHARACTER SET utf8mb3', values: ["'žluťoučký'", "'日本'", 'NULL'] },
  {
    name: 'ascii1',
    type: 'CHAR(36) CHARACTER SET ascii',
    values: ["'6ccd780c-baba-1026-9564-5b8c656024db'", "'-'", 'NULL'],
  },
  { name: 'bytes', type: 'VARBINARY(300)', values: ["X'00'", "REPEAT(X'27', 300)", 'NULL'], read: 'HEX(bytes)' },
  { name: 'tinyB', type: 'TINYBLOB', values: ["X'FF00'", "''", 'NULL'], read: 'HEX(tinyB)' },
  { name: 'blobs', type: 'BLOB', values: ["REPEAT(X'00', 60000)", "X'5C27'", 'NULL'], read: 'SHA2(blobs, 256)' },
  {
    name: 'mediumB',
    type: 'MEDIUMBLOB',
    values: ["REPEAT(X'DEADBEEF', 250000)", "''", 'NULL'],
    read: 'SHA2(mediumB, 256)',
  },
  {
    name: 'longB',
    type: 'LONGBLOB',
    values: ["REPEAT(X'0102030405', 700000)", "X'00'", 'NULL'],
    read: 'SHA2(longB, 256)',
  },
  { name: 'tinyT', type: 'TINYTEXT', values: ["'t'", "''", 'NULL'] },
  { name: 'longT', type: 'LONGTEXT', values: ["REPEAT('😀é', 50000)", "''", 'NULL'], read: 'SHA2(longT, 256)' },
  {
    name: 'latinT',
    type: 'MEDIUMTEXT CHARACTER SET latin1',
    values: ["REPEAT('é', 100000)", "''", 'NULL'],
    read: 'SHA2(latinT, 256)',
  },
  { name: 'pick', type: "ENUM('a','it''s','ž')", values: ["'it''s'", "'ž'", 'NULL'] },
  { name: 'picks', type: "SET('x','y','z','ä')", values: ["'x,z,ä'", "''", 'NULL'] },
  {
    name: 'doc',
    type: 'JSON',
    values: ['\'{"a": 1, "b": [true, null, "é😀"], "n": 12345678901234567890}\'', "'[]'", 'NULL'],
  },
  {
    name: 'doc2',
    type: 'JSON',
    values: ['\'"text\\\\"\\\\\\\\n"\'', "'[1.5, -0.001, 1e50, 9007199254740993, -5, 70000]'", "'null'"],
  },
  { name: 'shape', type: 'POINT', values: ['POINT(1.5, -2)', 'POINT(0, 0)', 'NULL'], read: 'HEX(shape)' },
];

const GENERATED = [
  'sumV INT GENERATED ALWAYS AS (tinyU + 1) VIRTUAL',
  'sumS INT GENERATED ALWAYS AS (tinyU + 2) STORED',
];

function tableSql(name: string): string {
  const columns = COLUMNS.map(
    (column) => `${column.name} ${column.type}${column.type.includes('NULL') ? '' : ' NULL'}`,
  );
  // The generated columns stand in the middle, where they would shift what comes after them.
  columns.splice(5, 0, ...GENERATED);
  return `CREATE TABLE ${name} (OrgID INT NOT NULL, id BIGINT UNSIGNED NOT NULL, code VARCHAR(20) NOT NULL, ${columns.join(', ')}, PRIMARY KEY (OrgID, code, id))`;
}

function insertSql(table: string, firstId: number): string {
  return [0, 1, 2]
    .map((row) => {
      const names = COLUMNS.map(({ name }) => name).join(', ');
      const values = COLUMNS.map(({ values: all }) => all[row]).join(', ');
      return `INSERT INTO ${table} (OrgID, id, code, ${names}) VALUES (42, ${firstId + row}, 'k''${row}', ${values})`;
    })
    .join('; ');
}

/** Moves every column's value one row on, so that each value comes as an update as well. */
function rotateSql(table: string, firstId: number): string {
  return [0, 1, 2]
    .map((row) => {
      const sets = COLUMNS.map(({ name, values }) => `${name} = ${values[(row + 1) % 3]}`).join(', ');
      return `UPDATE ${table} SET ${sets} WHERE id = ${firstId + row}`;
    })
    .join('; ');
}

const LENIENT = "SET SESSION sql_mode = 'NO_ENGINE_SUBSTITUTION'";

async function contents(connection: Connection, table: string): Promise<Record<string, unknown>[]> {
  const names = [...COLUMNS.map(({ name, read }) => `${read ?? name} AS ${name}`), 'sumV', 'sumS'];
  const [rows] = await connection.query(`SELECT OrgID, id, code, ${names.join(', ')} FROM ${table} ORDER BY id`);
  return (rows as Record<string, unknown>[]).map((row) => ({
    ...row,
    doc: canonical(row.doc),
    doc2: canonical(row.doc2),
  }));
}

/** JSON without regard to spaces; numbers keep their digits. */
function canonical(value: unknown): unknown {
  if (value === null || value === undefined) return value;
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.replaceAll(/([,:]) /g, '$1').replaceAll('e+', 'e');
}

async function same(table: string): Promise<void> {
  const expected = await contents(site, table);
  let actual: unknown = null;
  await pollUntil(
    'both sides to hold the same',
    async () => {
      actual = await contents(cluster, table);
      return JSON.stringify(actual) === JSON.stringify(expected);
    },
    { timeoutMs: 60_000, everyMs: 60 },
  ).catch((error: unknown) => {
    // Not the same in time: the comparison below says where.
    if (!(error instanceof LabDatabaseError)) throw error;
  });
  expect(actual).toEqual(expected);
}

describe('every type travels faithfully', () => {
  test('MariaDB to MySQL: full load, inserts, updates, deletes', async () => {
    await freshSchema([site, cluster], 'types_fwd');
    await site.query(LENIENT);
    await site.query(tableSql('EveryType'));
    await cluster.query(tableSql('EveryType'));
    await site.query(insertSql('EveryType', 1));
    const task = await lab.create({
      tables: [{ schema: 'types_fwd', table: 'EveryType', filters: ofOrg(42) }],
      targetAttributes: "Initstmt=SET SESSION sql_mode = 'NO_ENGINE_SUBSTITUTION'",
    });
    await task.run();
    await same('EveryType');
    await site.query(insertSql('EveryType', 11));
    await same('EveryType');
    await site.query(rotateSql('EveryType', 11));
    await site.query(rotateSql('EveryType', 1));
    await same('EveryType');
    await site.query('DELETE FROM EveryType WHERE id IN (2, 12, 13)');
    await same('EveryType');
    expect(await task.table('EveryType')).toMatchObject({ FullLoadRows: 3, Inserts: 3, Updates: 6, Deletes: 3 });
    await task.remove();
  });

  test('MySQL to MariaDB: changes from a native position', async () => {
    await freshSchema([site, cluster], 'types_rev');
    await site.query(LENIENT);
    await cluster.query(LENIENT);
    await site.query(tableSql('EveryType'));
    await cluster.query(tableSql('EveryType'));
    const position = await nativePosition(cluster, lab.cluster);
    await cluster.query(insertSql('EveryType', 1));
    const task = await lab.create({
      reverse: true,
      MigrationType: 'cdc',
      tables: [{ schema: 'types_rev', table: 'EveryType', filters: ofOrg(42) }],
      settings: SAFE_SETTINGS,
    });
    await task.run('start-replication', { CdcStartPosition: position });
    await untilRows(site, 'SELECT COUNT(*) FROM EveryType', [['3']]);
    await same('EveryType');
    await cluster.query(rotateSql('EveryType', 1));
    await pollUntil('the updates', async () => (await task.table('EveryType')).Updates === 3);
    await same('EveryType');
    await cluster.query('DELETE FROM EveryType WHERE id = 2');
    await pollUntil('the delete', async () => (await task.table('EveryType')).Deletes === 1);
    await same('EveryType');
    await task.remove();
  });
});
