import { beforeEach, describe, expect, test } from 'vitest';
import { errorOf, HOLD, type ProxyBench, type Rule, sideOf, TARGET } from './bench.ts';

const INSERT = "INSERT INTO BigDB.t (org, v) VALUES (42, 'held')";
/** Waits where the gate's row is locked. */
const THROUGH_GATE = "INSERT INTO BigDB.t (org, v) SELECT 42, 'held' FROM BigDB.gate WHERE id = 1 LOCK IN SHARE MODE";
const HELD: Rule = { rule_id: 20, username: 'org42', destination_hostgroup: HOLD };
const FLIPPED: Rule = { rule_id: 20, username: 'org42', destination_hostgroup: TARGET };

/** What becomes of those who use a hold hostgroup when its servers are taken away. */
export function retiringSuite(given: () => ProxyBench): void {
  describe('retiring a hold hostgroup of ProxySQL', () => {
    let bench: ProxyBench;
    beforeEach(() => {
      bench = given();
    });

    /** Holds back whoever reads the gate at the target, until the function that it gives is called. */
    const closeGate = async () => {
      const keeper = await bench.direct(bench.target);
      await keeper.query('BEGIN');
      await keeper.query('SELECT id FROM BigDB.gate FOR UPDATE');
      return () => keeper.query('ROLLBACK');
    };

    test('taking them away cuts a session that has a transaction open there, at its next statement', async () => {
      await bench.rules(HELD);
      await bench.copyServers(TARGET, HOLD);
      const client = await bench.client();
      await client.query('BEGIN');
      await client.query(INSERT);
      await bench.rules(FLIPPED);
      await bench.removeServers(HOLD);
      expect(await bench.processes()).toHaveLength(1);
      // It stays in the lists while somebody holds a connection to it.
      expect(await bench.admin(`SELECT status FROM runtime_mysql_servers WHERE hostgroup_id=${HOLD}`)).toEqual([
        { status: 'OFFLINE_HARD' },
      ]);
      expect(await errorOf(client.query('COMMIT'))).toMatchObject({ code: 'PROTOCOL_CONNECTION_LOST' });
      expect(await bench.stored(bench.target, 'held')).toBe(0);
    });

    test('a server that is OFFLINE_HARD takes nothing: who comes waits until it is back', async () => {
      await bench.rules(HELD);
      await bench.copyServers(TARGET, HOLD);
      const client = await bench.client();
      expect(await sideOf(client)).toBe('target');
      const setStatus = (status: string) =>
        bench.admin(
          `UPDATE mysql_servers SET status='${status}' WHERE hostgroup_id=${HOLD}`,
          'LOAD MYSQL SERVERS TO RUNTIME',
        );
      await setStatus('OFFLINE_HARD');
      const insert = client.query(INSERT);
      await bench.parked();
      await setStatus('ONLINE');
      await insert;
      expect(await bench.stored(bench.target, 'held')).toBe(1);
    });

    test('under an autocommit INSERT that waits at the server it has it run twice when a server comes back', async () => {
      const open = await closeGate();
      await bench.rules(HELD);
      await bench.copyServers(TARGET, HOLD);
      const client = await bench.client();
      const insert = client.query(THROUGH_GATE);
      await bench.waitForProcess('the INSERT to run', (row) => row.command === 'Query' && row.info !== null);
      await bench.removeServers(HOLD);
      await bench.parked();
      await open();
      await bench.waitUntil(
        'the first run to be committed',
        async () => (await bench.stored(bench.target, 'held')) === 1,
      );
      await bench.copyServers(TARGET, HOLD);
      const [header] = await insert;
      expect((header as { affectedRows: number }).affectedRows).toBe(1);
      expect(await bench.stored(bench.target, 'held')).toBe(2);
    });

    test('… and it gives the client 9001 when none comes back, though the INSERT was committed', async () => {
      await bench.variables({ connect_timeout_server_max: 700 });
      const open = await closeGate();
      await bench.rules(HELD);
      await bench.copyServers(TARGET, HOLD);
      const client = await bench.client();
      const insert = errorOf(client.query(THROUGH_GATE));
      await bench.waitForProcess('the INSERT to run', (row) => row.command === 'Query' && row.info !== null);
      await bench.removeServers(HOLD);
      await open();
      expect(await insert).toMatchObject({ errno: 9001 });
      expect(await bench.stored(bench.target, 'held')).toBe(1);
    });
  });
}
