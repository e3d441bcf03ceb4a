import type { Connection, RowDataPacket } from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Bench, errorOf, SOURCE, sideOf, TARGET } from './bench.ts';
import { processListSuite } from './suites/processList.ts';
import { transactionSuite } from './suites/transactions.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.start();
});
afterAll(() => bench?.stop());

transactionSuite(() => bench);
processListSuite(() => bench);

const flip = (to = TARGET) => bench.rules({ rule_id: 20, username: 'org42', destination_hostgroup: to });
const value = async (client: Connection, expression: string) => {
  const [rows] = await client.query<RowDataPacket[]>(`SELECT ${expression} AS value`);
  return rows[0]?.value;
};
const ofOrg42 = async () => (await bench.processes()).find((row) => row.user === 'org42');

describe('open transactions and locked sessions in ProxySQL', () => {
  beforeEach(() => bench.reset());

  test.each([
    ['SET sql_mode', "SET sql_mode='ANSI_QUOTES'", '@@sql_mode', 'ANSI_QUOTES'],
    ['SET NAMES', 'SET NAMES latin1', '@@character_set_client', 'latin1'],
    ['SET time_zone', "SET time_zone='+03:00'", '@@time_zone', '+03:00'],
    ['SET TRANSACTION', 'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED', '@@tx_isolation', 'READ-COMMITTED'],
    ['several variables', 'SET foreign_key_checks=0, group_concat_max_len=4711', '@@group_concat_max_len', 4711],
  ])('%s is kept track of: it follows the flip', async (_, sql, expression, expected) => {
    const client = await bench.client();
    await client.query(sql);
    expect((await ofOrg42())?.extended.locked_on_hostgroup).toBe(-1);
    expect(await value(client, expression)).toBe(expected);
    await flip();
    expect(await sideOf(client)).toBe('target');
    expect(await value(client, expression)).toBe(expected);
    // Nobody else gets a connection with it.
    const other = await bench.client('org42');
    expect(await value(other, expression)).not.toBe(expected);
  });

  test('a prepared statement made before the flip follows it', async () => {
    const client = await bench.client();
    const statement = await client.prepare('SELECT name FROM side WHERE 1=?');
    expect((await statement.execute([1]))[0]).toEqual([{ name: 'source' }]);
    await flip();
    expect((await statement.execute([1]))[0]).toEqual([{ name: 'target' }]);
    await flip(SOURCE);
    expect((await statement.execute([1]))[0]).toEqual([{ name: 'source' }]);
  });

  test('an XA transaction that was prepared is shown by XA RECOVER only', async () => {
    const client = await bench.client();
    await client.query("XA START 'x42'");
    await client.query("INSERT INTO t (org, v) VALUES (42, 'xa')");
    await client.query("XA END 'x42'");
    await client.query("XA PREPARE 'x42'");
    const direct = await bench.direct(bench.source);
    const [rows] = await direct.query<RowDataPacket[]>('XA RECOVER');
    expect(rows).toHaveLength(1);
    expect(JSON.stringify((await ofOrg42())?.extended)).not.toContain('x42');
    await client.query("XA ROLLBACK 'x42'");
  });
});

describe('the extended process list of ProxySQL', () => {
  beforeEach(() => bench.reset());

  test('counts a running statement as a transaction, and one that failed until the next that succeeds', async () => {
    const client = await bench.client();
    const slow = client.query('SELECT SLEEP(0.3)');
    const row = await bench.waitForProcess('the SELECT to run', (one) => one.command === 'Query' && one.info !== null);
    expect(row).toMatchObject({ info: 'SELECT SLEEP(0.3)', hostgroup: '1', extended: { active_transactions: 1 } });
    await slow;
    expect(await ofOrg42()).toMatchObject({ command: 'Sleep', info: null, extended: { active_transactions: 0 } });
    expect(await errorOf(client.query('SELECT * FROM nowhere'))).toMatchObject({ errno: 1146 });
    expect(await ofOrg42()).toMatchObject({ command: 'Sleep', extended: { active_transactions: 1 } });
    await client.query('SELECT 1');
    expect(await ofOrg42()).toMatchObject({ extended: { active_transactions: 0 } });
  });

  test.each([
    ['temporary_table', 'CREATE TEMPORARY TABLE mine (a INT)'],
    ['user_variable', 'SET @x=1'],
    ['user_variable', 'SELECT @x:=1'],
    ['get_lock', "SELECT GET_LOCK('a', 1)"],
    ['lock_tables', 'LOCK TABLES t WRITE'],
    ['prepared_statement', "PREPARE p FROM 'SELECT 1'"],
  ])('shows %s after %s', async (flag, sql) => {
    const client = await bench.client();
    await client.query(sql);
    const backend = (await ofOrg42())?.extended.backends?.find((one) => one.conn !== undefined);
    expect(backend?.conn?.status[flag]).toBe(true);
    expect(backend?.hostgroup_id).toBe(SOURCE);
  });

  test('shows a prepared statement that runs as Execute, with its text', async () => {
    const client = await bench.client();
    const slow = client.execute('SELECT SLEEP(?)', [0.3]);
    await bench.waitForProcess(
      'the statement to run',
      (row) => row.command === 'Execute' && row.info === 'SELECT SLEEP(?)',
    );
    await slow;
  });
});
