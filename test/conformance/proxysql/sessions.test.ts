import type { Connection, RowDataPacket } from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Bench, errorOf, HOLD, SOURCE, sideOf, TARGET } from './bench.ts';
import { processListSuite } from './suites/processList.ts';
import { transactionSuite } from './suites/transactions.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.start();
});
afterAll(() => bench?.stop());
beforeEach(() => bench.reset());

transactionSuite(() => bench);
processListSuite(() => bench);

const flip = (to = TARGET) => bench.rules({ rule_id: 20, username: 'org42', destination_hostgroup: to });
const value = async (client: Connection, expression: string) => {
  const [rows] = await client.query<RowDataPacket[]>(`SELECT ${expression} AS value`);
  return rows[0]?.value;
};
const ofOrg42 = async () => (await bench.processes()).find((row) => row.user === 'org42');

describe('sessions of ProxySQL that keep something', () => {
  test('a session with SET @x is locked to its hostgroup and gets 9006 after the flip until it reconnects, also in the hold', async () => {
    const client = await bench.client();
    await client.query('SET @x=1');
    expect((await ofOrg42())?.extended.locked_on_hostgroup).toBe(SOURCE);
    expect(await value(client, '@x')).toBe(1);
    for (const hostgroup of [HOLD, TARGET]) {
      await flip(hostgroup);
      const message = `ProxySQL Error: connection is locked to hostgroup 1 but trying to reach hostgroup ${hostgroup}`;
      expect(await errorOf(client.query('SELECT 1'))).toMatchObject({ errno: 9006, message });
      expect(await errorOf(client.query('COMMIT'))).toMatchObject({ errno: 9006, message });
      expect(await errorOf(client.execute('SELECT ?', [1]))).toMatchObject({ errno: 9006, message });
    }
    expect(await sideOf(await bench.client())).toBe('target');
  });

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

  test('SET autocommit=0 follows the flip: writes need a COMMIT on the new side, too', async () => {
    const client = await bench.client();
    await client.query('SET autocommit=0');
    await client.query("INSERT INTO t (org, v) VALUES (42, 'manual')");
    expect((await ofOrg42())?.extended.active_transactions).toBe(1);
    expect(await bench.stored(bench.source, 'manual')).toBe(0);
    await client.query('COMMIT');
    await flip();
    await client.query("INSERT INTO t (org, v) VALUES (42, 'manual')");
    expect(await bench.stored(bench.target, 'manual')).toBe(0);
    // Switching autocommit on commits.
    await client.query('SET autocommit=1');
    expect(await bench.stored(bench.source, 'manual')).toBe(1);
    expect(await bench.stored(bench.target, 'manual')).toBe(1);
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

  test('GET_LOCK is granted on both sides after a flip', async () => {
    const first = await bench.client();
    expect(await value(first, "GET_LOCK('task', 0)")).toBe(1);
    const second = await bench.client();
    expect(await value(second, "GET_LOCK('task', 0)")).toBe(0);
    await flip();
    expect(await value(second, "GET_LOCK('task', 0)")).toBe(1);
    expect(await sideOf(first)).toBe('target');
  });

  test('a read with autocommit=0 pins the session only with mysql-enforce_autocommit_on_reads', async () => {
    const client = await bench.client();
    await client.query('SET autocommit=0');
    expect(await sideOf(client)).toBe('source');
    await flip();
    expect(await sideOf(client)).toBe('target');
    await client.query('ROLLBACK');
    await bench.variables({ enforce_autocommit_on_reads: 'true' });
    await flip(SOURCE);
    expect(await sideOf(client)).toBe('source');
    await flip();
    expect(await sideOf(client)).toBe('source');
    await client.query("INSERT INTO t (org, v) VALUES (42, 'not held')");
    await client.query('COMMIT');
    expect(await bench.stored(bench.source, 'not held')).toBe(1);
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
  test('is there with mysql-show_processlist_extended only', async () => {
    await bench.client();
    expect((await ofOrg42())?.extended.client.userinfo).toEqual({ username: 'org42', schemaname: 'BigDB' });
    await bench.variables({ show_processlist_extended: 0 });
    expect(await bench.admin('SELECT extended_info FROM stats_mysql_processlist')).toEqual([{ extended_info: null }]);
  });

  test('names the address of the client', async () => {
    await bench.client();
    expect((await ofOrg42())?.extended.client.client_addr).toMatchObject({ address: '127.0.0.1' });
  });

  test('shows the server’s own connection id', async () => {
    const client = await bench.client();
    await client.query('BEGIN');
    await client.query("INSERT INTO t (org, v) VALUES (42, 'x')");
    const id = await value(client, 'CONNECTION_ID()');
    const row = await ofOrg42();
    expect(row?.extended.backends?.[0]).toMatchObject({ hostgroup_id: SOURCE, conn: { mysql: { thread_id: id } } });
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

  test('keeps a session’s connection for some statements after an INSERT with AUTO_INCREMENT, without a transaction', async () => {
    const client = await bench.client();
    await client.query("INSERT INTO t (org, v) VALUES (42, 'x')");
    const row = await ofOrg42();
    expect(row?.extended.active_transactions).toBe(0);
    expect(row?.extended.backends?.[0]?.conn).toBeDefined();
    for (let query = 0; query < 6; query++) await client.query('SELECT 1');
    expect((await ofOrg42())?.extended.backends?.[0]?.conn).toBeUndefined();
  });
});
