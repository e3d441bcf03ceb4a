import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { isCopyOf, sameRoutes } from '../../src/fleet/compare.ts';
import type { ProxyPicture } from '../../src/ports/routing.ts';
import { TARGET } from '../conformance/proxysql/bench.ts';
import { RoutingWorld, routingBy, SENTINEL } from './world.ts';

let world: RoutingWorld;
beforeAll(async () => {
  world = await RoutingWorld.start();
});
afterAll(() => world?.stop());
beforeEach(() => world.reset());

/** Org 42 on the cluster and org 4 back at the source, as members have them at rest; then the proxy is as it was. */
async function pictureOfMembers(): Promise<ProxyPicture> {
  await (await world.prepared('user')).to('release', { kind: 'cluster' });
  await world.prepared('user', { orgId: 4, slot: 2 });
  const picture = await world.adapter(routingBy('user')).picture();
  await world.reset();
  return picture;
}

describe('a proxy that is given the members’ rules', () => {
  it('has them, runs them, and comes back from its disk with them; what it had besides is gone, others’ stay', async () => {
    const members = await pictureOfMembers();
    await world.bench.addRule({ rule_id: 100, match_digest: '\\btools\\b', destination_hostgroup: TARGET });
    await world.bench.admin('LOAD MYSQL QUERY RULES TO RUNTIME', 'SAVE MYSQL QUERY RULES TO DISK');
    // Left from an earlier life: a hold of org 42, and an org that the members do not know.
    await (await world.prepared('user', { epoch: 3 })).hold('source');
    await world.prepared('user', { orgId: 7, slot: 9 });
    const proxy = world.adapter(routingBy('user'));
    const before = await proxy.picture();
    expect(await proxy.held()).toEqual([42]);
    expect((await proxy.routes()).get(42)).toBe('held');
    expect(sameRoutes(before, members)).toBe(false);

    await proxy.adopt({ like: members, before });
    const after = await proxy.picture();
    expect(isCopyOf(after, members)).toBe(true);
    expect([...after.routes].map(([orgId, { route }]) => [orgId, route?.kind])).toEqual([
      [42, 'cluster'],
      [4, 'source'],
    ]);
    expect(after.foreign).toEqual(before.foreign);
    expect(await proxy.held()).toEqual([]);
    expect([...(await proxy.routes())].toSorted()).toEqual([
      [4, 'source'],
      [42, 'cluster'],
    ]);
    await world.bench.admin('LOAD MYSQL QUERY RULES FROM DISK', 'LOAD MYSQL QUERY RULES TO RUNTIME');
    expect(isCopyOf(await proxy.picture(), members)).toBe(true);
    const client = await world.client('user');
    expect(await client.side()).toBe('target');
    expect(after.rules.at(-1)).toMatchObject({ rule_id: String(SENTINEL), apply: '0' });
  });

  it('again is as it was; a command that comes late, after an org has moved on, changes nothing', async () => {
    const members = await pictureOfMembers();
    const proxy = world.adapter(routingBy('user'));
    const empty = await proxy.picture();
    await proxy.adopt({ like: members, before: empty });
    await proxy.adopt({ like: members, before: await proxy.picture() });
    expect(isCopyOf(await proxy.picture(), members)).toBe(true);

    // It is a member by now, and org 42 goes back.
    await (await world.prepared('user', { epoch: 8, attempt: 2 })).to('release', { kind: 'source' });
    const moved = await proxy.picture();
    await proxy.adopt({ like: members, before: empty });
    await proxy.adopt({ like: { rules: [], fast: [] }, before: members });
    const now = await proxy.picture();
    expect(now.routes.get(42)).toEqual(moved.routes.get(42));
    expect(await (await world.client('user')).side()).toBe('source');
  });

  it('with thousands of orgs is done in seconds', async () => {
    const members = await pictureOfMembers();
    const [read, write] = members.rules;
    const many = Array.from({ length: 2_000 }, (_, n) =>
      [read, write].map((rule, index) => ({
        ...rule,
        rule_id: String(10_000 + n * 2 + index),
        username: `org${n}`,
        comment: `bigdb-cutover org=${n} epoch=1 attempt=1 step=end state=cluster`,
      })),
    ).flat();
    const proxy = world.adapter(routingBy('user'));
    await proxy.adopt({ like: { rules: many, fast: [] }, before: { rules: [], fast: [] } });
    expect((await proxy.picture()).routes.size).toBe(2_000);
  });

  it('tells its version, its port and its monitor’s pace, off or on', async () => {
    const proxy = world.adapter(routingBy('user'));
    expect(await proxy.facts()).toMatchObject({ trafficPorts: [world.bench.proxy.port], monitorEveryMs: null });
    await world.bench.admin(
      "SET mysql-monitor_enabled='true'",
      'SET mysql-monitor_ping_interval=5000',
      'LOAD MYSQL VARIABLES TO RUNTIME',
    );
    expect((await proxy.facts()).monitorEveryMs).toBe(5_000);
    await world.bench.admin("SET mysql-monitor_enabled='false'", 'LOAD MYSQL VARIABLES TO RUNTIME');
  });
});
