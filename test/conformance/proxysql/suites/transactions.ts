import { beforeEach, describe, expect, test } from 'vitest';
import { HOLD, type ProxyBench, sideOf, TARGET } from './bench.ts';

/** Where statements of a transaction go. */
export function transactionSuite(given: () => ProxyBench): void {
  describe('open transactions in ProxySQL', () => {
    let bench: ProxyBench;
    beforeEach(() => {
      bench = given();
    });

    const flip = (to = TARGET) => bench.rules({ rule_id: 20, username: 'org42', destination_hostgroup: to });

    test('inside a transaction every statement goes where its BEGIN went, whatever the rules say', async () => {
      const client = await bench.client();
      await client.query('BEGIN');
      await flip();
      expect(await sideOf(client)).toBe('source');
      await client.query("INSERT INTO BigDB.t (org, v) VALUES (42, 'in transaction')");
      await bench.prepared(client, "INSERT INTO BigDB.t (org, v) VALUES (?, 'in transaction')", [42]);
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
      await client.query("INSERT INTO BigDB.t (org, v) VALUES (42, 'lost')");
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

    test('an annotated one goes where the rules say, as any statement: a hold parks it', async () => {
      await flip(HOLD);
      const client = await bench.client();
      const commit = client.query('/* OrgID=42 */ COMMIT');
      await bench.parked();
      await bench.copyServers(TARGET, HOLD);
      await commit;
    });

    test('orgs told apart by a comment: a BEGIN without it takes the transaction to the default hostgroup, also after the flip', async () => {
      await bench.rules({ rule_id: 1, match_pattern: '^/\\* OrgID=42 \\*/', destination_hostgroup: TARGET });
      const client = await bench.client('shared');
      await client.query('BEGIN');
      await client.query("/* OrgID=42 */ INSERT INTO BigDB.t (org, v) VALUES (42, 'lost')");
      await client.query('COMMIT');
      expect(await bench.stored(bench.source, 'lost')).toBe(1);
      await client.query('/* OrgID=42 */ BEGIN');
      await client.query("/* OrgID=42 */ INSERT INTO BigDB.t (org, v) VALUES (42, 'annotated')");
      await client.query('COMMIT');
      await client.query("/* OrgID=42 */ INSERT INTO BigDB.t (org, v) VALUES (42, 'annotated')");
      await bench.prepared(client, "/* OrgID=42 */ INSERT INTO BigDB.t (org, v) VALUES (?, 'annotated')", [42]);
      expect(await bench.stored(bench.target, 'annotated')).toBe(3);
      await client.query("/* OrgID=420 */ INSERT INTO BigDB.t (org, v) VALUES (420, 'other')");
      expect(await bench.stored(bench.source, 'other')).toBe(1);
    });
  });
}
