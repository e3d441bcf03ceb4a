import { beforeEach, describe, expect, test } from 'vitest';
import { errorOf, HOLD, type ProxyBench, type Rule, SOURCE, settled, sideOf, TARGET } from './bench.ts';

const INSERT = "INSERT INTO BigDB.t (org, v) VALUES (42, 'held')";
/** Plain reads stay where they are; the rest of org 42 is parked. */
export const PLAIN_READS: Rule = {
  rule_id: 10,
  username: 'org42',
  match_digest: '^SELECT (?!.*(FOR UPDATE|LOCK IN SHARE MODE|GET_LOCK))',
  destination_hostgroup: SOURCE,
};
export const HELD: Rule = { rule_id: 20, username: 'org42', destination_hostgroup: HOLD };
export const FLIPPED: Rule = { rule_id: 20, username: 'org42', destination_hostgroup: TARGET };

/** Queries that wait in an empty hostgroup, and what lets them go. */
export function holdingSuite(given: () => ProxyBench): void {
  describe('holding queries in ProxySQL', () => {
    let bench: ProxyBench;
    beforeEach(() => {
      bench = given();
    });

    test('an empty hostgroup parks a query until mysql-connect_timeout_server_max, then the client gets 9001', async () => {
      await bench.variables({ connect_timeout_server_max: 700 });
      await bench.rules(HELD);
      const client = await bench.client();
      const before = bench.nowMs();
      const error = await errorOf(client.query(INSERT));
      const tookMs = bench.nowMs() - before;
      expect(error).toMatchObject({ errno: 9001 });
      expect(error?.message).toMatch(/^Max connect timeout reached while reaching hostgroup 900 after \d+ms$/);
      expect(tookMs).toBeGreaterThan(650);
      expect(tookMs).toBeLessThan(1500);
      // The session goes on afterwards.
      await bench.rules();
      expect(await sideOf(client)).toBe('source');
      expect(await bench.stored(bench.source, 'held')).toBe(0);
    });

    test('a parked session shows the hold hostgroup and the command Connect, and no statement', async () => {
      await bench.rules(HELD);
      const client = await bench.client();
      const insert = client.query(INSERT);
      expect(await bench.parked()).toMatchObject({
        hostgroup: String(HOLD),
        info: null,
        extended: { current_hostgroup: HOLD, active_transactions: 0, locked_on_hostgroup: -1 },
      });
      await bench.copyServers(SOURCE, HOLD);
      await insert;
    });

    test('parked queries of one org do not slow any other', async () => {
      await bench.rules(HELD);
      const held = await Promise.all(Array.from({ length: 20 }, () => bench.client()));
      const inserts = held.map((client) => client.query(INSERT));
      await bench.parked();
      const other = await bench.client('org4');
      const before = bench.nowMs();
      for (let query = 0; query < 100; query++) expect(await sideOf(other)).toBe('source');
      expect((bench.nowMs() - before) / 100).toBeLessThan(20);
      await bench.copyServers(TARGET, HOLD);
      await Promise.all(inserts);
      expect(await bench.stored(bench.target, 'held')).toBe(20);
    });

    test('changing the rule does not move a parked query, a server added to its hostgroup does, within milliseconds', async () => {
      await bench.rules(HELD);
      const client = await bench.client();
      const insert = client.query(INSERT);
      const isDone = settled(insert);
      await bench.parked();
      await bench.rules(FLIPPED);
      expect(await sideOf(await bench.client())).toBe('target');
      expect(isDone()).toBe(false);
      const before = bench.nowMs();
      await bench.copyServers(TARGET, HOLD);
      await insert;
      expect(bench.nowMs() - before).toBeLessThan(150);
      expect(await bench.stored(bench.target, 'held')).toBe(1);
      expect(await bench.stored(bench.source, 'held')).toBe(0);
    });

    test('plain reads pass a rule with a look-ahead, locking reads and GET_LOCK do not', async () => {
      await bench.rules(PLAIN_READS, HELD);
      const client = await bench.client();
      expect(await sideOf(client)).toBe('source');
      expect(await sideOf(client, '/* OrgID=42 */ ')).toBe('source');
      await bench.variables({ connect_timeout_server_max: 400 });
      for (const sql of [
        'SELECT * FROM BigDB.t FOR UPDATE',
        'SELECT * FROM BigDB.t LOCK IN SHARE MODE',
        "SELECT GET_LOCK('a', 1)",
      ]) {
        expect(await errorOf(client.query(sql))).toMatchObject({ errno: 9001 });
      }
    });

    test('the query of a client that goes away while it is parked is never run', async () => {
      await bench.rules(HELD);
      const client = await bench.client();
      // Never answered: the client is gone before.
      void errorOf(client.query(INSERT));
      await bench.parked();
      client.destroy();
      await bench.copyServers(TARGET, HOLD);
      await bench.waitUntilGone();
      expect(await sideOf(await bench.client())).toBe('target');
      expect(await bench.stored(bench.target, 'held')).toBe(0);
    });

    test('a write that waits for a backend connection shows Connect and the source’s hostgroup, and runs later', async () => {
      await bench.admin(
        `UPDATE mysql_servers SET max_connections=1 WHERE hostgroup_id=${SOURCE}`,
        'LOAD MYSQL SERVERS TO RUNTIME',
      );
      const first = await bench.client('org4');
      await first.query('BEGIN');
      expect(await sideOf(first)).toBe('source');
      const client = await bench.client();
      const insert = client.query(INSERT);
      const waiting = await bench.parked();
      expect(waiting).toMatchObject({ hostgroup: String(SOURCE), extended: { active_transactions: 0 } });
      expect(waiting.extended.backends?.[0]?.conn).toBeUndefined();
      await bench.rules(HELD);
      await first.query('COMMIT');
      await insert;
      expect(await bench.stored(bench.source, 'held')).toBe(1);
    });

    test('a hold, drain and release under load loses nothing and shows no error', async () => {
      const stop = new AbortController();
      const acknowledged: number[] = [];
      const errors: unknown[] = [];
      let longestMs = 0;
      const writer = async (index: number) => {
        const client = await bench.client();
        for (let count = 0; !stop.signal.aborted; count++) {
          const before = bench.nowMs();
          const id = index * 1_000_000 + count;
          try {
            if (index % 3 === 0) {
              await client.query('BEGIN');
              await client.query(`INSERT INTO BigDB.t (org, v) VALUES (${id}, 'load')`);
              await client.query('COMMIT');
            } else if (index % 3 === 1) {
              await bench.prepared(client, "INSERT INTO BigDB.t (org, v) VALUES (?, 'load')", [id]);
            } else {
              await client.query(`INSERT INTO BigDB.t (org, v) VALUES (${id}, 'load')`);
            }
            acknowledged.push(id);
          } catch (error) {
            errors.push(error);
            return;
          }
          longestMs = Math.max(longestMs, bench.nowMs() - before);
        }
      };
      const writers = Array.from({ length: 6 }, (_, index) => writer(index));
      const enough = async (more: number) => {
        const wanted = acknowledged.length + more;
        await bench.waitUntil('the writers to get on', async () => errors.length > 0 || acknowledged.length > wanted);
      };
      await enough(200);
      for (const [attempt, [from, to]] of (
        [
          [SOURCE, TARGET],
          [TARGET, SOURCE],
        ] as const
      ).entries()) {
        const hold = HOLD + attempt;
        await bench.rules({ ...HELD, destination_hostgroup: hold });
        await bench.waitUntil(
          'the side to be drained',
          async () => {
            const rows = await bench.processes();
            return !rows.some(
              (row) =>
                row.extended.current_hostgroup === from &&
                (row.command !== 'Sleep' || row.extended.active_transactions > 0),
            );
          },
          { everyMs: 2 },
        );
        await bench.rules({ ...HELD, destination_hostgroup: to });
        await bench.copyServers(to, hold);
        await enough(200);
      }
      stop.abort();
      await Promise.all(writers);
      expect(errors).toEqual([]);
      const stored = (await bench.stored(bench.source, 'load')) + (await bench.stored(bench.target, 'load'));
      expect(stored).toBe(acknowledged.length);
      expect(await bench.stored(bench.target, 'load')).toBeGreaterThan(0);
      expect(longestMs).toBeLessThan(1_000);
    });
  });
}
