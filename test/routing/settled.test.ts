import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SOURCE, sideOf, TARGET } from '../conformance/proxysql/bench.ts';
import { RoutingWorld } from './world.ts';

let world: RoutingWorld;
beforeAll(async () => {
  world = await RoutingWorld.start();
});
afterAll(() => world?.stop());
beforeEach(() => world.reset());

describe('an org that is settled in fast routing', () => {
  beforeEach(() =>
    world.bench.admin(
      `INSERT INTO mysql_query_rules_fast_routing (username, schemaname, flagIN, destination_hostgroup, comment)
         VALUES ('org4', 'BigDB', 0, ${TARGET}, 'settled')`,
      'LOAD MYSQL QUERY RULES TO RUNTIME',
      'SAVE MYSQL QUERY RULES TO DISK',
    ),
  );

  it('keeps its route while another org’s rules come and go', async () => {
    const client = await world.bench.client('org4');
    const there = async (step: string) => {
      expect(await sideOf(client), step).toBe('target');
      await client.query('INSERT INTO t (org, v) VALUES (4, ?)', [step]);
      expect(await world.stored(step), step).toEqual({ source: 0, target: 1 });
    };
    await there('before');
    const route = await world.prepared('user');
    await there('prepared');
    await route.hold('source');
    await there('held');
    await route.park('source');
    await there('parked');
    await route.release('cluster');
    await there('released');
    await route.release('source');
    await there('back');
  });

  it('lost it behind a last rule that ends the search, and has it again with the sentinel', async () => {
    await world.bench.addRule({ rule_id: 900_000, username: 'nobody', destination_hostgroup: SOURCE });
    await world.bench.admin('LOAD MYSQL QUERY RULES TO RUNTIME');
    const client = await world.bench.client('org4');
    expect(await sideOf(client)).toBe('source');
    await world.prepared('user');
    expect(await sideOf(client)).toBe('target');
  });

  it('reaches its default side when it connects without a default schema: such an org keeps rules of its own', async () => {
    const client = await world.bench.client('org4', { database: null });
    expect(await sideOf(client)).toBe('source');
    const route = await world.prepared('user', { orgId: 4, slot: 2 });
    await route.to('release', { kind: 'cluster' });
    expect(await sideOf(client)).toBe('target');
    await client.query("INSERT INTO BigDB.t (org, v) VALUES (4, 'qualified')");
    expect(await world.stored('qualified')).toEqual({ source: 0, target: 1 });
  });
});
