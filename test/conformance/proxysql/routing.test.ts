import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { pollUntil } from '../../../infra/lab/databases/index.ts';
import { Bench, SOURCE, sideOf, TARGET } from './bench.ts';
import { fastRoutingSuite } from './suites/fastRouting.ts';
import { ruleSuite } from './suites/routing.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.start();
});
afterAll(() => bench?.stop());
beforeEach(() => bench.reset());

ruleSuite(() => bench);
fastRoutingSuite(() => bench);

describe('rules of ProxySQL', () => {
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
});
