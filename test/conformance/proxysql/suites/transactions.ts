import { beforeEach, describe, expect, test } from 'vitest';
import { errorOf, HOLD, type ProxyBench, SOURCE, sideOf, TARGET, value } from './bench.ts';

/** Transactions and sessions that keep something of their own. */
export function transactionSuite(given: () => ProxyBench): void {
  describe('open transactions and locked sessions in ProxySQL', () => {
    let bench: ProxyBench;
    beforeEach(async () => {
      bench = given();
      await bench.reset();
    });

    const flip = (to = TARGET) => bench.rules({ rule_id: 20, username: 'org42', destination_hostgroup: to });
    const ofOrg42 = async () => (await bench.processes()).find((row) => row.user === 'org42');

    test('inside a transaction every statement goes where its BEGIN went, whatever the rules say', async () => {
      const client = await bench.client();
      await client.query('BEGIN');
      await flip();
      expect(await sideOf(client)).toBe('source');
      await client.query("INSERT INTO t (org, v) VALUES (42, 'in transaction')");
      await bench.prepared(client, "INSERT INTO t (org, v) VALUES (?, 'in transaction')", [42]);
      await client.query('COMMIT');
      expect(await bench.stored(bench.source, 'in transaction')).toBe(2);
      expect(await sideOf(client)).toBe('target');
    });

    test('with transaction_persistent=0 the COMMIT follows the rule to the other side, and the writes are lost', async () => {
      await bench.admin(
        "UPDATE mysql_users SET transaction_persistent=0 WHERE username='org42'",
        'LOAD MYSQL USERS TO RUNTIME',
      );
      const client = await bench.client();
      await client.query('BEGIN');
      await client.query("INSERT INTO t (org, v) VALUES (42, 'lost')");
      await flip();
      expect(await sideOf(client)).toBe('target');
      await client.query('COMMIT');
      expect(await bench.stored(bench.source, 'lost')).toBe(0);
    });

    test('a COMMIT without a transaction is answered by the proxy, also in a hold', async () => {
      await flip(HOLD);
      const client = await bench.client();
      await client.query('COMMIT');
      await client.query('ROLLBACK');
    });

    test('orgs told apart by a comment: a BEGIN without it takes the transaction to the default hostgroup, also after the flip', async () => {
      await bench.rules({ rule_id: 1, match_pattern: '^/\\* OrgID=42 \\*/', destination_hostgroup: TARGET });
      const client = await bench.client('shared');
      await client.query('BEGIN');
      await client.query("/* OrgID=42 */ INSERT INTO t (org, v) VALUES (42, 'lost')");
      await client.query('COMMIT');
      expect(await bench.stored(bench.source, 'lost')).toBe(1);
      await client.query('/* OrgID=42 */ BEGIN');
      await client.query("/* OrgID=42 */ INSERT INTO t (org, v) VALUES (42, 'annotated')");
      await client.query('COMMIT');
      await client.query("/* OrgID=42 */ INSERT INTO t (org, v) VALUES (42, 'annotated')");
      await bench.prepared(client, "/* OrgID=42 */ INSERT INTO t (org, v) VALUES (?, 'annotated')", [42]);
      expect(await bench.stored(bench.target, 'annotated')).toBe(3);
      await client.query("/* OrgID=420 */ INSERT INTO t (org, v) VALUES (420, 'other')");
      expect(await bench.stored(bench.source, 'other')).toBe(1);
    });

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
        expect(await errorOf(bench.prepared(client, 'SELECT ?', [1]))).toMatchObject({ errno: 9006, message });
      }
      expect(await sideOf(await bench.client())).toBe('target');
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

    test.each([
      ['SET time_zone', "SET time_zone='+03:00'", '@@time_zone', '+03:00'],
      ['SET SESSION sql_mode', "SET SESSION sql_mode='ANSI_QUOTES'", '@@sql_mode', 'ANSI_QUOTES'],
      ['several variables', "SET time_zone='+03:00', innodb_lock_wait_timeout=17", '@@innodb_lock_wait_timeout', 17],
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
  });
}
