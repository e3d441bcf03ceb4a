import { beforeEach, describe, expect, test } from 'vitest';
import { type ProxyBench, SOURCE, sideOf, TARGET } from './bench.ts';

/** Matches nobody, applies to nobody, and is the last one: fast routing is asked again. */
const SENTINEL = { rule_id: 2_000_000_000, username: 'nobody at all', apply: 0 };

/** Where fast routing sends what no rule has decided. */
export function fastRoutingSuite(given: () => ProxyBench): void {
  describe('fast routing in ProxySQL', () => {
    let bench: ProxyBench;
    beforeEach(() => {
      bench = given();
    });

    const fastRoute = (user: string, schema: string, hostgroup: number, flag = 0) =>
      bench.admin(
        `INSERT INTO mysql_query_rules_fast_routing (username, schemaname, flagIN, destination_hostgroup, comment)
           VALUES ('${user}', '${schema}', ${flag}, ${hostgroup}, '')`,
      );

    test('is keyed by user and schema', async () => {
      await fastRoute('org42', 'BigDB', TARGET);
      await bench.admin('LOAD MYSQL QUERY RULES TO RUNTIME');
      expect(await sideOf(await bench.client('org42'))).toBe('target');
      expect(await sideOf(await bench.client('org4'))).toBe('source');
      expect(await bench.admin('SELECT username FROM runtime_mysql_query_rules_fast_routing')).toEqual([
        { username: 'org42' },
      ]);
    });

    test('is keyed by flagIN, too', async () => {
      await fastRoute('org42', 'BigDB', TARGET, 7);
      await bench.rules({ rule_id: 1, username: 'org42', match_digest: '^SELECT', flagOUT: 7, apply: 0 });
      const client = await bench.client();
      expect(await sideOf(client)).toBe('target');
      await client.query("INSERT INTO BigDB.t (org, v) VALUES (42, 'default')");
      expect(await bench.stored(bench.source, 'default')).toBe(1);
    });

    test('with an empty user serves every user of the schema', async () => {
      await fastRoute('', 'BigDB', TARGET);
      await bench.admin('LOAD MYSQL QUERY RULES TO RUNTIME');
      expect(await sideOf(await bench.client('org4'))).toBe('target');
    });

    test('is skipped for everybody when the last active rule has apply=1, even if that matches nothing', async () => {
      await fastRoute('org42', 'BigDB', TARGET);
      await bench.rules({ rule_id: 100, username: 'org4', destination_hostgroup: SOURCE });
      expect(await sideOf(await bench.client('org42'))).toBe('source');
    });

    test('is asked again behind a last rule with apply=0 that matches nobody', async () => {
      await fastRoute('org42', 'BigDB', TARGET);
      await bench.rules({ rule_id: 100, username: 'org4', destination_hostgroup: SOURCE }, SENTINEL);
      expect(await sideOf(await bench.client('org42'))).toBe('target');
    });

    test('misses a client without a default schema, and one after USE: their writes reach the default hostgroup', async () => {
      await fastRoute('org42', 'BigDB', TARGET);
      await bench.rules(SENTINEL);
      const bare = await bench.client('org42', { database: null });
      await bare.query("INSERT INTO BigDB.t (org, v) VALUES (42, 'stray')");
      const moved = await bench.client();
      await moved.query('USE other');
      await moved.query("INSERT INTO BigDB.t (org, v) VALUES (42, 'stray')");
      expect(await bench.stored(bench.source, 'stray')).toBe(2);
      expect(await bench.stored(bench.target, 'stray')).toBe(0);
    });

    test('loses against an older rule with apply=1 that matches', async () => {
      await fastRoute('org42', 'BigDB', TARGET);
      await bench.rules({ rule_id: 1, match_digest: '^SELECT', destination_hostgroup: SOURCE }, SENTINEL);
      const client = await bench.client();
      expect(await sideOf(client)).toBe('source');
      await client.query("INSERT INTO BigDB.t (org, v) VALUES (42, 'fast')");
      expect(await bench.stored(bench.target, 'fast')).toBe(1);
    });
  });
}
