import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { pollUntil } from '../../../infra/lab/databases/index.ts';
import { Bench, errorOf, SOURCE, sideOf, TARGET } from './bench.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.start();
});
afterAll(() => bench?.stop());
beforeEach(() => bench.reset());

/** Matches nobody, applies to nobody, and is the last one: fast routing is asked again. */
const SENTINEL = { rule_id: 2_000_000_000, username: 'nobody at all', apply: 0 };

const fastRoute = (user: string, schema: string, hostgroup: number, flag = 0) =>
  bench.admin(
    `INSERT INTO mysql_query_rules_fast_routing (username, schemaname, flagIN, destination_hostgroup, comment)
       VALUES ('${user}', '${schema}', ${flag}, ${hostgroup}, '')`,
  );

describe('rules of ProxySQL', () => {
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
    const { host, port } = bench.proxy;
    const client = await bench.plainClient({ host, port, user: 'org42', password: 'org42' });
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

  test('match_digest matches every statement without mysql-query_digests, writes too', async () => {
    await bench.rules({ rule_id: 1, match_digest: '^SELECT', destination_hostgroup: TARGET });
    try {
      await bench.variables({ query_digests: 'false' });
      const client = await bench.client();
      await client.query("INSERT INTO t (org, v) VALUES (1, 'as text')");
      await client.execute("INSERT INTO t (org, v, b) VALUES (1, 'prepared', ?)", [Buffer.of(1)]);
      expect(await bench.stored(bench.target, 'as text')).toBe(1);
      expect(await bench.stored(bench.target, 'prepared')).toBe(1);
    } finally {
      await bench.variables({ query_digests: 'true' });
    }
  });

  test('match_digest sees comments with mysql-query_digests_keep_comment: an annotated read does not begin with SELECT', async () => {
    await bench.rules({ rule_id: 1, match_digest: '^SELECT', destination_hostgroup: TARGET });
    try {
      await bench.variables({ query_digests_keep_comment: 'true' });
      const client = await bench.client();
      expect(await sideOf(client)).toBe('target');
      expect(await sideOf(client, '/* OrgID=42 */ ')).toBe('source');
      await bench.rules({ rule_id: 1, match_digest: '^/\\* OrgID=42 \\*/ SELECT', destination_hostgroup: TARGET });
      expect(await sideOf(client, '/* OrgID=42 */ ')).toBe('target');
    } finally {
      await bench.variables({ query_digests_keep_comment: 'false' });
    }
  });

  test('match regardless of case unless re_modifiers says otherwise, and turn round with negate_match_pattern', async () => {
    await bench.rules({ rule_id: 1, match_digest: '^select NAME', destination_hostgroup: TARGET });
    const client = await bench.client();
    expect(await sideOf(client)).toBe('target');
    await bench.rules({ rule_id: 1, match_digest: '^select NAME', re_modifiers: '', destination_hostgroup: TARGET });
    expect(await sideOf(client)).toBe('source');
    await bench.rules({ rule_id: 1, match_digest: '^INSERT', negate_match_pattern: 1, destination_hostgroup: TARGET });
    expect(await sideOf(client)).toBe('target');
  });

  test('count their hits', async () => {
    await bench.rules(
      { rule_id: 7, username: 'org42', destination_hostgroup: TARGET },
      { rule_id: 8, username: 'org4' },
    );
    const client = await bench.client();
    for (let query = 0; query < 3; query++) await sideOf(client);
    // They are summed up now and then, not at once.
    const hits = await pollUntil('the hits to be counted', async () => {
      const rows = await bench.admin('SELECT rule_id, hits FROM stats_mysql_query_rules ORDER BY rule_id');
      return rows[0]?.hits === '3' ? rows : undefined;
    });
    expect(hits).toEqual([
      { rule_id: '7', hits: '3' },
      { rule_id: '8', hits: '0' },
    ]);
  });

  test('answer with error_msg as error 1148', async () => {
    await bench.rules({ rule_id: 1, username: 'org42', error_msg: 'not now' });
    const client = await bench.client();
    expect(await errorOf(client.query('SELECT 1'))).toMatchObject({ errno: 1148, message: 'not now' });
    expect(await errorOf(client.execute('SELECT ?', [1]))).toMatchObject({ errno: 1148, message: 'not now' });
  });

  test('with cache_ttl go on answering from the cache after a flip', async () => {
    await bench.rules({
      rule_id: 1,
      username: 'org42',
      match_digest: '^SELECT',
      cache_ttl: 60_000,
      destination_hostgroup: SOURCE,
    });
    const client = await bench.client();
    expect(await sideOf(client)).toBe('source');
    await bench.rules({
      rule_id: 1,
      username: 'org42',
      match_digest: '^SELECT',
      cache_ttl: 60_000,
      destination_hostgroup: TARGET,
    });
    expect(await sideOf(client)).toBe('source');
    await bench.rules({ rule_id: 1, username: 'org42', match_digest: '^SELECT', destination_hostgroup: TARGET });
    expect(await sideOf(client)).toBe('target');
  });

  test('are published in a thousand without slowing a query noticeably', async () => {
    const values = Array.from(
      { length: 1000 },
      (_, n) => `(${n + 1}, 1, '^/\\* OrgID=${n + 1000} \\*/', ${SOURCE}, 1)`,
    );
    await bench.admin(
      `INSERT INTO mysql_query_rules (rule_id, active, match_pattern, destination_hostgroup, apply) VALUES ${values.join(',')}`,
    );
    await bench.addRule({ rule_id: 5000, username: 'org42', destination_hostgroup: TARGET });
    await bench.admin('LOAD MYSQL QUERY RULES TO RUNTIME');
    const client = await bench.client();
    const before = performance.now();
    for (let query = 0; query < 100; query++) expect(await sideOf(client)).toBe('target');
    expect((performance.now() - before) / 100).toBeLessThan(20);
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

describe('fast routing in ProxySQL', () => {
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
    await client.query("INSERT INTO t (org, v) VALUES (42, 'default')");
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
    const { host, port } = bench.proxy;
    const bare = await bench.plainClient({ host, port, user: 'org42', password: 'org42' });
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
    await client.query("INSERT INTO t (org, v) VALUES (42, 'fast')");
    expect(await bench.stored(bench.target, 'fast')).toBe(1);
  });
});
