import { beforeEach, describe, expect, test } from 'vitest';
import { errorOf, type ProxyBench, rowsOf, SOURCE, sideOf } from './bench.ts';

/** Connections of clients and to servers. */
export function connectionSuite(given: () => ProxyBench): void {
  describe('connections through ProxySQL', () => {
    let bench: ProxyBench;
    beforeEach(() => {
      bench = given();
    });

    test('rolls back what a client that goes away had open', async () => {
      const client = await bench.client();
      await client.query('BEGIN');
      await client.query("INSERT INTO BigDB.t (org, v) VALUES (42, 'gone')");
      client.destroy();
      await bench.waitUntilGone();
      const direct = await bench.direct(bench.source);
      await bench.waitUntil('the transaction to be over at the server', async () => {
        const rows = await rowsOf(direct, 'SELECT COUNT(*) AS n FROM information_schema.INNODB_TRX');
        return rows[0]?.n === 0;
      });
      expect(await bench.stored(bench.source, 'gone')).toBe(0);
    });

    test('cuts a client whose transaction was on a connection that was lost', async () => {
      const client = await bench.client();
      await client.query('BEGIN');
      const rows = await rowsOf(client, 'SELECT CONNECTION_ID() AS id');
      const direct = await bench.direct(bench.source);
      await direct.query(`KILL CONNECTION ${rows[0]?.id}`);
      expect(await errorOf(client.query('SELECT 1'))).toMatchObject({ code: 'PROTOCOL_CONNECTION_LOST' });
    });

    test('a restart of the proxy cuts its clients', async () => {
      const client = await bench.client();
      expect(await sideOf(client)).toBe('source');
      await bench.admin('SAVE MYSQL SERVERS TO DISK', 'SAVE MYSQL USERS TO DISK');
      await bench.restartProxy();
      expect(await errorOf(client.query('SELECT 1'))).toBeDefined();
      expect(await sideOf(await bench.client())).toBe('source');
    });

    test('an OFFLINE_SOFT server takes no new sessions but keeps those with a transaction', async () => {
      await bench.admin(
        `INSERT INTO mysql_servers (hostgroup_id, hostname, port, weight)
           VALUES (${SOURCE}, '127.0.0.1', ${bench.target.port}, 0)`,
        'LOAD MYSQL SERVERS TO RUNTIME',
      );
      const kept = await bench.client();
      await kept.query('BEGIN');
      expect(await sideOf(kept)).toBe('source');
      await bench.admin(
        `UPDATE mysql_servers SET status='OFFLINE_SOFT', weight=1 WHERE hostgroup_id=${SOURCE} AND port=${bench.source.port}`,
        `UPDATE mysql_servers SET weight=1 WHERE hostgroup_id=${SOURCE} AND port=${bench.target.port}`,
        'LOAD MYSQL SERVERS TO RUNTIME',
      );
      expect(await sideOf(await bench.client())).toBe('target');
      expect(await sideOf(kept)).toBe('source');
      await kept.query('COMMIT');
      expect(await sideOf(kept)).toBe('target');
    });
  });
}
