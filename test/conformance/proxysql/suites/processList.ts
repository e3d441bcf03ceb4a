import { beforeEach, describe, expect, test } from 'vitest';
import { errorOf, HOLD, type ProxyBench, SOURCE, value } from './bench.ts';

/** What the extended process list shows of sessions. */
export function processListSuite(given: () => ProxyBench): void {
  describe('the extended process list of ProxySQL', () => {
    let bench: ProxyBench;
    beforeEach(async () => {
      bench = given();
      await bench.reset();
    });

    const ofOrg42 = async () => (await bench.processes()).find((row) => row.user === 'org42');

    test('is there with mysql-show_processlist_extended only', async () => {
      await bench.client();
      expect((await ofOrg42())?.extended.client.userinfo).toEqual({ username: 'org42', schemaname: 'BigDB' });
      await bench.variables({ show_processlist_extended: 0 });
      expect(await bench.admin('SELECT extended_info FROM stats_mysql_processlist')).toEqual([{ extended_info: null }]);
    });

    test('names user, schema and address of the client', async () => {
      const client = await bench.client('org42', { database: 'other' });
      const row = await ofOrg42();
      expect(row?.extended.client).toMatchObject({
        client_addr: { address: '127.0.0.1' },
        userinfo: { username: 'org42', schemaname: 'other' },
      });
      await client.query('USE BigDB');
      expect((await ofOrg42())?.extended.client.userinfo.schemaname).toBe('BigDB');
    });

    test('shows an open transaction, its age in microseconds, and the server’s own connection id', async () => {
      const client = await bench.client();
      await client.query('BEGIN');
      await client.query("INSERT INTO t (org, v) VALUES (42, 'x')");
      const id = await value(client, 'CONNECTION_ID()');
      const row = await ofOrg42();
      expect(row).toMatchObject({ command: 'Sleep', hostgroup: '1', extended: { active_transactions: 1 } });
      expect(row?.extended.transaction_time_ms).toBeGreaterThan(0);
      expect(row?.extended.backends?.[0]).toMatchObject({ hostgroup_id: SOURCE, conn: { mysql: { thread_id: id } } });
      await client.query('ROLLBACK');
      expect(await ofOrg42()).toMatchObject({ extended: { active_transactions: 0 } });
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

    test('counts a statement that waits at the server as a transaction, and one that failed until the next that succeeds', async () => {
      const keeper = await bench.direct(bench.source);
      await keeper.query('BEGIN');
      await keeper.query('SELECT id FROM BigDB.gate FOR UPDATE');
      const client = await bench.client();
      const sql = 'SELECT id FROM gate WHERE id = 1 FOR UPDATE';
      const slow = client.query(sql);
      const row = await bench.waitForProcess(
        'the SELECT to run',
        (one) => one.command === 'Query' && one.info !== null,
      );
      expect(row).toMatchObject({ info: sql, hostgroup: '1', extended: { active_transactions: 1 } });
      await keeper.query('ROLLBACK');
      await slow;
      expect(await ofOrg42()).toMatchObject({ command: 'Sleep', info: null, extended: { active_transactions: 0 } });
      expect(await errorOf(client.query('INSERT INTO gate (id) VALUES (1)'))).toMatchObject({ errno: 1062 });
      expect(await ofOrg42()).toMatchObject({ command: 'Sleep', extended: { active_transactions: 1 } });
      await client.query('SELECT 1');
      expect(await ofOrg42()).toMatchObject({ extended: { active_transactions: 0 } });
    });

    test.each([
      ['user_variable', 'SET @x=1'],
      ['get_lock', "SELECT GET_LOCK('a', 1)"],
    ])('shows %s after %s', async (flag, sql) => {
      const client = await bench.client();
      await client.query(sql);
      if (flag === 'user_variable') await client.query('SELECT @x');
      const backend = (await ofOrg42())?.extended.backends?.find((one) => one.conn !== undefined);
      expect(backend?.conn?.status[flag]).toBe(true);
      expect(backend?.hostgroup_id).toBe(SOURCE);
    });

    test('keeps showing a parked session whose client has gone, until its wait is over', async () => {
      await bench.variables({ connect_timeout_server_max: 600 });
      await bench.rules({ rule_id: 20, username: 'org42', destination_hostgroup: HOLD });
      const client = await bench.client();
      void errorOf(client.query("INSERT INTO t (org, v) VALUES (42, 'nobody waits')"));
      await bench.parked();
      const beforeMs = bench.nowMs();
      client.destroy();
      await bench.waitUntilGone();
      expect(bench.nowMs() - beforeMs).toBeGreaterThan(300);
    });
  });
}
