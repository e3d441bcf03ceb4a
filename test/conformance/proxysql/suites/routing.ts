import { beforeEach, describe, expect, test } from 'vitest';
import { errorOf, type ProxyBench, SOURCE, sideOf, TARGET } from './bench.ts';

/** Where rules send a query. */
export function ruleSuite(given: () => ProxyBench): void {
  describe('rules of ProxySQL', () => {
    let bench: ProxyBench;
    beforeEach(() => {
      bench = given();
    });

    test('are asked in the order of rule_id, and apply=1 ends it', async () => {
      await bench.rules(
        { rule_id: 2, username: 'org42', destination_hostgroup: SOURCE },
        { rule_id: 1, username: 'org42', destination_hostgroup: TARGET },
      );
      expect(await sideOf(await bench.client())).toBe('target');
      expect(await sideOf(await bench.client('org4'))).toBe('source');
    });

    test('with apply=0 go on: the last one that says something wins', async () => {
      await bench.rules(
        { rule_id: 1, username: 'org42', destination_hostgroup: SOURCE, apply: 0 },
        { rule_id: 2, username: 'org42', destination_hostgroup: TARGET, apply: 0 },
      );
      expect(await sideOf(await bench.client())).toBe('target');
    });

    test('are chained by flagOUT and flagIN', async () => {
      await bench.rules(
        { rule_id: 1, username: 'org42', flagOUT: 42, apply: 0 },
        { rule_id: 2, flagIN: 42, match_digest: '^SELECT', destination_hostgroup: TARGET },
        { rule_id: 3, match_digest: '^SELECT', destination_hostgroup: SOURCE },
      );
      expect(await sideOf(await bench.client())).toBe('target');
      expect(await sideOf(await bench.client('org4'))).toBe('source');
    });

    test('match by schema, which is information_schema for a client without one', async () => {
      await bench.rules({ rule_id: 1, schemaname: 'other', destination_hostgroup: TARGET });
      expect(await sideOf(await bench.client('org42', { database: 'other' }))).toBe('target');
      expect(await sideOf(await bench.client())).toBe('source');
      await bench.rules({ rule_id: 1, schemaname: 'information_schema', destination_hostgroup: TARGET });
      const client = await bench.client('org42', { database: null });
      expect(await sideOf(client)).toBe('target');
    });

    test('match_digest sees the statement without comments and literals, match_pattern sees all of it', async () => {
      await bench.rules(
        {
          rule_id: 1,
          match_digest: '^SELECT name FROM BigDB.side$',
          match_pattern: 'OrgID=42 ',
          destination_hostgroup: TARGET,
        },
        { rule_id: 2, match_digest: 'OrgID|1', destination_hostgroup: TARGET },
      );
      const client = await bench.client();
      expect(await sideOf(client, '/* OrgID=42 */ ')).toBe('target');
      expect(await sideOf(client, '/* OrgID=420 */ ')).toBe('source');
      expect(await sideOf(client)).toBe('source');
    });

    test('match regardless of case unless re_modifiers says otherwise, and turn round with negate_match_pattern', async () => {
      await bench.rules({ rule_id: 1, match_digest: '^select NAME', destination_hostgroup: TARGET });
      const client = await bench.client();
      expect(await sideOf(client)).toBe('target');
      await bench.rules({ rule_id: 1, match_digest: '^select NAME', re_modifiers: '', destination_hostgroup: TARGET });
      expect(await sideOf(client)).toBe('source');
      await bench.rules({
        rule_id: 1,
        match_digest: '^INSERT',
        negate_match_pattern: 1,
        destination_hostgroup: TARGET,
      });
      expect(await sideOf(client)).toBe('target');
    });

    test('answer with error_msg as error 1148', async () => {
      await bench.rules({ rule_id: 1, username: 'org42', error_msg: 'not now' });
      const client = await bench.client();
      expect(await errorOf(client.query('SELECT 1'))).toMatchObject({ errno: 1148, message: 'not now' });
      expect(await errorOf(bench.prepared(client, 'SELECT ?', [1]))).toMatchObject({ errno: 1148, message: 'not now' });
    });

    test('one rule may be an alternation of org ids; beyond 64 KB of compiled pattern it matches nothing, silently', async () => {
      const client = await bench.client('shared');
      const alternation = async (count: number) => {
        const ids = Array.from({ length: count }, (_, n) => n + 100_000);
        const pattern = `^/\\* OrgID=(${ids.join('|')}) \\*/`;
        await bench.rules({ rule_id: 1, match_pattern: pattern, destination_hostgroup: TARGET });
      };
      await alternation(4_300);
      expect(await sideOf(client, '/* OrgID=104299 */ ')).toBe('target');
      expect(await sideOf(client, '/* OrgID=99999 */ ')).toBe('source');
      await alternation(4_400);
      expect(await sideOf(client, '/* OrgID=104299 */ ')).toBe('source');
    });
  });
}
