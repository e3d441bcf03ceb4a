import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ProxyDirtyError } from '../../src/errors/routing.ts';
import { RoutingWorld } from './world.ts';

let world: RoutingWorld;
beforeAll(async () => {
  world = await RoutingWorld.start();
});
afterAll(() => world?.stop());
beforeEach(() => world.reset());

const rule = `INSERT INTO mysql_query_rules (rule_id, active, username, destination_hostgroup, apply) VALUES (50, 1, 'org4', 2, 1)`;

describe('somebody else’s edit that is not loaded', () => {
  beforeEach(() => world.bench.admin(rule, 'LOAD MYSQL QUERY RULES TO RUNTIME'));

  it.each([
    ['mysql_query_rules', rule.replace('(50,', '(51,')],
    ['mysql_query_rules', 'DELETE FROM mysql_query_rules WHERE rule_id = 50'],
    ['mysql_query_rules', 'UPDATE mysql_query_rules SET active = 0 WHERE rule_id = 50'],
    ['mysql_query_rules', 'UPDATE mysql_query_rules SET destination_hostgroup = 1 WHERE rule_id = 50'],
    ['mysql_query_rules', 'UPDATE mysql_query_rules SET cache_ttl = 5000 WHERE rule_id = 50'],
    ['mysql_query_rules', "UPDATE mysql_query_rules SET client_addr = '10.0.0.1' WHERE rule_id = 50"],
    [
      'mysql_query_rules_fast_routing',
      "INSERT INTO mysql_query_rules_fast_routing (username, schemaname, flagIN, destination_hostgroup, comment) VALUES ('org4', 'BigDB', 0, 2, '')",
    ],
    ['mysql_servers', "UPDATE mysql_servers SET status = 'OFFLINE_SOFT' WHERE hostgroup_id = 2"],
    ['mysql_servers', "INSERT INTO mysql_servers (hostgroup_id, hostname, port) VALUES (77, '127.0.0.1', 1)"],
    ['mysql_servers', 'UPDATE mysql_servers SET max_connections = 7 WHERE hostgroup_id = 1'],
    ['mysql_servers', 'UPDATE mysql_servers SET max_replication_lag = 9 WHERE hostgroup_id = 1'],
  ])('in %s stands in the way of a hold: a load would publish it for everybody (%s)', async (table, edit) => {
    const { proxy } = await world.prepared('user');
    await proxy.assertClean();
    await world.bench.admin(edit);
    const error = await proxy.assertClean().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(ProxyDirtyError);
    expect(error).toMatchObject({ code: 'PROXY_MEMORY_DIFFERS', proxy: 'proxy', table });
    expect((error as ProxyDirtyError).rows.length).toBeGreaterThan(0);
  });
});

it('the controller’s own rules and hold hostgroups do not count', async () => {
  const route = await world.prepared('user');
  await world.bench.admin("UPDATE mysql_query_rules SET comment = 'half way' WHERE rule_id IN (10000, 10001)");
  await world.bench.admin('DELETE FROM mysql_query_rules WHERE rule_id = 2000000000');
  await route.proxy.assertClean();
});

it('a rule that is not active is nobody’s route', async () => {
  const { proxy } = await world.prepared('user');
  await world.bench.admin("INSERT INTO mysql_query_rules (rule_id, active, username) VALUES (60, 0, 'draft')");
  await proxy.assertClean();
});
