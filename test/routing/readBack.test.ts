import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AdminSession, openAdmin } from '../../src/adapters/proxysql/admin.ts';
import { RouteReadBackError } from '../../src/errors/routing.ts';
import { ownerOf, RouteSteps, RoutingWorld, routingBy, SENTINEL } from './world.ts';

let world: RoutingWorld;
beforeAll(async () => {
  world = await RoutingWorld.start();
});
afterAll(() => world?.stop());
beforeEach(() => world.reset());

const isLoad = (sql: string) => sql === 'LOAD MYSQL QUERY RULES TO RUNTIME';

/** A route whose proxy has somebody else's hands on it, right before or after the rules are loaded. */
async function disturbed(when: 'before' | 'after', ...statements: string[]): Promise<RouteSteps> {
  let on = false;
  const admin = openAdmin(world.proxyConfig);
  const session: AdminSession = {
    ...admin,
    async write(sql, signal) {
      if (on && isLoad(sql) && when === 'before') await world.bench.admin(...statements);
      const changed = await admin.write(sql, signal);
      if (on && isLoad(sql) && when === 'after') await world.bench.admin(...statements);
      return changed;
    },
  };
  const route = new RouteSteps(world.adapter(routingBy('user'), session), ownerOf(), 32_000);
  await route.prepare();
  on = true;
  return route;
}

const load = 'LOAD MYSQL QUERY RULES TO RUNTIME';

describe('a route counts only once the runtime shows it', () => {
  it.each([
    ['its rule was switched off', 'UPDATE mysql_query_rules SET active = 0 WHERE rule_id = 10001'],
    ['its rule leads elsewhere', 'UPDATE mysql_query_rules SET destination_hostgroup = 1 WHERE rule_id = 10001'],
    ['its rule lets more through', "UPDATE mysql_query_rules SET match_digest = '^INSERT' WHERE rule_id = 10001"],
    ['its rule has another’s comment', "UPDATE mysql_query_rules SET comment = 'theirs' WHERE rule_id = 10001"],
    ['its rule matches somebody else', "UPDATE mysql_query_rules SET username = 'org4' WHERE rule_id = 10001"],
    ['its rule does not end the search', 'UPDATE mysql_query_rules SET apply = 0 WHERE rule_id = 10001'],
    ['its rule is gone', 'DELETE FROM mysql_query_rules WHERE rule_id = 10001'],
  ])('%s between the load and the look', async (_, change) => {
    const route = await disturbed('after', change, load);
    await expect(route.hold('source')).rejects.toThrow(RouteReadBackError);
  });

  it('the rules were read from disk again between the change and the load', async () => {
    const route = await disturbed('before', 'DELETE FROM mysql_query_rules WHERE rule_id = 10001');
    const error = await route.hold('source').then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(RouteReadBackError);
    expect(error).toMatchObject({ code: 'ROUTE_READ_BACK', proxy: 'proxy', orgId: 42 });
    expect((error as RouteReadBackError).remedy).toContain('runtime_mysql_query_rules');
  });

  it('a rule that should have stopped running still runs', async () => {
    const route = await disturbed('after', 'UPDATE mysql_query_rules SET active = 1 WHERE rule_id = 10001', load);
    await expect(route.to('abort', { kind: 'source' })).rejects.toThrow(RouteReadBackError);
  });

  it('the table does not end with the sentinel: fast routing would be skipped for settled orgs', async () => {
    await world.bench.addRule({ rule_id: SENTINEL + 1, username: 'nobody', destination_hostgroup: 1 });
    await expect(world.prepared('user')).rejects.toThrow(RouteReadBackError);
  });

  it('a route is on disk before it runs: a restart comes back with the hold', async () => {
    const route = await world.prepared('user');
    await route.hold('source');
    await world.bench.restartProxy();
    const after = new RouteSteps(world.adapter(routingBy('user')), route.owner, route.holdHostgroup);
    after.comment = (await after.proxy.readRoute(after.owner)).comment ?? '';
    expect(after.comment).toBe(route.comment);
    const write = (await world.client('user')).write('waited');
    await after.untilWaiting(1);
    await after.release('source');
    await write;
    expect(await world.stored('waited')).toEqual({ source: 1, target: 0 });
  });
});
