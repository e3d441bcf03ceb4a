import { beforeEach, describe, expect, test } from 'vitest';
import { errorOf, HOLD, type ProxyBench, SOURCE, sideOf, TARGET } from './bench.ts';

/** SERVER_STATUS_IN_TRANS. */
const IN_TRANSACTION = 1;

/** What the extended process list shows of sessions. */
export function processListSuite(given: () => ProxyBench): void {
  describe('the extended process list of ProxySQL', () => {
    let bench: ProxyBench;
    beforeEach(() => {
      bench = given();
    });

    const ofOrg42 = async () => (await bench.processes()).find((row) => row.user === 'org42');

    test('shows an open transaction, its age in microseconds, and what the server last said of it', async () => {
      const client = await bench.client();
      await client.query('BEGIN');
      await client.query("INSERT INTO BigDB.t (org, v) VALUES (42, 'x')");
      const row = await ofOrg42();
      expect(row).toMatchObject({ command: 'Sleep', hostgroup: '1', extended: { active_transactions: 1 } });
      expect(row?.extended.transaction_time_ms).toBeGreaterThan(0);
      const [backend] = row?.extended.backends ?? [];
      expect(backend?.hostgroup_id).toBe(SOURCE);
      expect(Number(backend?.conn?.mysql.server_status) & IN_TRANSACTION).toBe(IN_TRANSACTION);
      await client.query('ROLLBACK');
      expect(await ofOrg42()).toMatchObject({ extended: { active_transactions: 0 } });
    });

    test('counts a statement that waits at the server as a transaction, and one that failed until the next that succeeds', async () => {
      const keeper = await bench.direct(bench.source);
      await keeper.query('BEGIN');
      await keeper.query('SELECT id FROM BigDB.gate FOR UPDATE');
      const client = await bench.client();
      const sql = 'SELECT id FROM BigDB.gate WHERE id = 1 FOR UPDATE';
      const slow = client.query(sql);
      const row = await bench.waitForProcess(
        'the SELECT to run',
        (one) => one.command === 'Query' && one.info !== null,
      );
      expect(row).toMatchObject({ info: sql, hostgroup: '1', extended: { active_transactions: 1 } });
      await keeper.query('ROLLBACK');
      await slow;
      expect(await ofOrg42()).toMatchObject({ command: 'Sleep', info: null, extended: { active_transactions: 0 } });
      expect(await errorOf(client.query('INSERT INTO BigDB.gate (id) VALUES (1)'))).toMatchObject({ errno: 1062 });
      expect(await ofOrg42()).toMatchObject({ command: 'Sleep', extended: { active_transactions: 1 } });
      await client.query('SELECT 1');
      expect(await ofOrg42()).toMatchObject({ extended: { active_transactions: 0 } });
    });

    test('names user and schema of the client', async () => {
      const client = await bench.client('org42', { database: 'other' });
      const schema = async () => (await ofOrg42())?.extended.client.userinfo;
      expect(await schema()).toEqual({ username: 'org42', schemaname: 'other' });
      await client.query('USE BigDB');
      expect(await schema()).toEqual({ username: 'org42', schemaname: 'BigDB' });
    });

    test('shows a parked session whose client has gone until a server comes at the latest', async () => {
      await bench.rules({ rule_id: 20, username: 'org42', destination_hostgroup: HOLD });
      const client = await bench.client();
      void errorOf(client.query("INSERT INTO BigDB.t (org, v) VALUES (42, 'nobody waits')"));
      await bench.parked();
      client.destroy();
      expect(await ofOrg42()).toMatchObject({ command: 'Connect', hostgroup: String(HOLD) });
      // Its thread notices, or not, when it wakes for somebody else; nobody is served in its place.
      for (let query = 0; query < 5; query++) await sideOf(await bench.client('org4'));
      await bench.copyServers(TARGET, HOLD);
      await bench.waitUntil('it to be gone', async () => (await ofOrg42()) === undefined);
      expect(await bench.stored(bench.target, 'nobody waits')).toBe(0);
    });

    test('… and no longer than its wait for one', async () => {
      await bench.variables({ connect_timeout_server_max: 600 });
      await bench.rules({ rule_id: 20, username: 'org42', destination_hostgroup: HOLD });
      const client = await bench.client();
      void errorOf(client.query("INSERT INTO BigDB.t (org, v) VALUES (42, 'nobody waits')"));
      await bench.parked();
      client.destroy();
      await bench.waitUntilGone();
    });
  });
}
