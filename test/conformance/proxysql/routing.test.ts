import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Bench, SOURCE, sideOf, TARGET } from './bench.ts';
import { fastRoutingSuite } from './suites/fastRouting.ts';
import { ruleSuite } from './suites/routing.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.start();
});
afterAll(() => bench?.stop());

ruleSuite(() => bench);
fastRoutingSuite(() => bench);

describe('rules of ProxySQL', () => {
  beforeEach(() => bench.reset());

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
