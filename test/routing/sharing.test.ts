import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openAdmin } from '../../src/adapters/proxysql/admin.ts';
import type { RoutingConfig } from '../../src/adapters/proxysql/config.ts';
import { RouteConflictError } from '../../src/errors/routing.ts';
import { isCopyOf } from '../../src/fleet/compare.ts';
import type { ExpectedRoute, FleetProxy, Pause, SettledOrg } from '../../src/ports/routing.ts';
import { SOURCE, TARGET } from '../conformance/proxysql/bench.ts';
import { type By, homeRegion, type OrgClient, ownerOf, type RouteSteps, RoutingWorld, routingBy } from './world.ts';

let world: RoutingWorld;
beforeAll(async () => {
  world = await RoutingWorld.start();
});
afterAll(() => world?.stop());
beforeEach(() => world.reset());

const ways: readonly By[] = ['user', 'schema', 'comment'];
const at = (by: By, changes: Partial<RoutingConfig> = {}) => routingBy(by, { schemas: ['BigDB'], ...changes });
const now: Pause = async () => {};
const settledOrg = (changes: Partial<SettledOrg> = {}): SettledOrg => ({ ...ownerOf(), sharedPair: 1, ...changes });

/** The org on its cluster by its own rules, as `complete` leaves it. */
async function completed(by: By, changes: Partial<SettledOrg> = {}): Promise<{ route: RouteSteps; org: SettledOrg }> {
  const route = await world.prepared(by, changes, at(by));
  await route.to('release', { kind: 'cluster' });
  return { route, org: settledOrg(changes) };
}

async function settle(proxy: FleetProxy, ...orgs: SettledOrg[]): Promise<void> {
  const all = new Set(orgs.map(({ orgId }) => orgId));
  expect(await proxy.share(orgs, now)).toEqual(all);
  expect(await proxy.settle(orgs, now)).toEqual(all);
}

/** Reads and writes of the org arrive at the cluster alone. */
async function expectServed(client: OrgClient, what: string): Promise<void> {
  expect(await client.side(), what).toBe('target');
  await client.write(what);
  expect(await world.stored(what), what).toEqual({ source: 0, target: 1 });
}

const expectedAt = (side: 'source' | 'cluster', ...orgs: SettledOrg[]): ReadonlyMap<number, ExpectedRoute> =>
  new Map(orgs.map((org) => [org.orgId, { ...org, side }]));
const audit = (proxy: FleetProxy, expected: ReadonlyMap<number, ExpectedRoute>) =>
  proxy.audit(expected, new Set(), now);

describe.each(ways)('an org that is told apart by %s and settles', (by) => {
  it('is led by what it shares, rests its own rules, and comes back so from disk', async () => {
    const { route, org } = await completed(by);
    const client = await world.client(by);
    const bystander = await world.client(by, 4);
    await settle(route.proxy, org);
    await expectServed(client, 'settled');
    expect(await bystander.side()).toBe('source');
    // No rule of its own is active any more.
    expect((await world.runtimeRules()).filter(({ comment }) => comment?.includes('org=42 '))).toEqual([]);
    expect((await route.proxy.sharings()).get(42)).toMatchObject({
      sharing: 'shared',
      state: { route: { kind: 'cluster' } },
    });
    expect(await route.proxy.publishedRoute(42)).toMatchObject({
      memory: { route: { kind: 'cluster' } },
      runtime: { kind: 'cluster' },
      slot: 1,
    });
    expect((await route.proxy.routes()).get(42)).toBe('cluster');
    const look = await audit(route.proxy, expectedAt('cluster', org));
    expect(look).toMatchObject({ drift: [], shared: 1 });

    await world.bench.restartProxy();
    expect(await audit(world.adapter(at(by)), expectedAt('cluster', org))).toEqual(look);
    await expectServed(await world.client(by), 'restarted');
  });

  it('is led right after every command, and whatever is cut off is finished by the next round', async () => {
    for (let cutAt = 0; ; cutAt++) {
      await world.reset();
      const { route, org } = await completed(by);
      const client = await world.client(by);
      const bystander = await world.client(by, 4);
      let commands = 0;
      const untilCut: Pause = async () => {
        expect(await client.side(), `before command ${commands}`).toBe('target');
        if (commands++ === cutAt) throw new Error('cut off');
      };
      const cut = await route.proxy
        .share([org], untilCut)
        .then(() => route.proxy.settle([org], untilCut))
        .then(() => false)
        .catch((error: unknown) => (error as Error).message === 'cut off');
      await expectServed(client, `cut at ${cutAt}`);
      // What a restart comes back with, half way.
      await world.bench.admin('LOAD MYSQL QUERY RULES FROM DISK', 'LOAD MYSQL QUERY RULES TO RUNTIME');
      await expectServed(client, `from disk ${cutAt}`);
      await settle(route.proxy, org);
      await expectServed(client, `again ${cutAt}`);
      expect(await bystander.side()).toBe('source');
      expect((await audit(route.proxy, expectedAt('cluster', org))).drift).toEqual([]);
      if (!cut) {
        expect(cutAt).toBeGreaterThan(10);
        break;
      }
    }
  }, 120_000);

  it('has its own rules back before anything else is made of its route', async () => {
    const { route, org } = await completed(by);
    const client = await world.client(by);
    await settle(route.proxy, org);
    const owner = ownerOf({ epoch: 8 });
    const { comment } = await route.proxy.readRoute(owner);
    const kept = await route.proxy.setRoute(owner, 'keep', { kind: 'cluster' }, comment ?? '');
    await expectServed(client, 'kept');
    // Repeated, for the answer was lost.
    expect(await route.proxy.setRoute(owner, 'keep', { kind: 'cluster' }, comment ?? '')).toBe(kept);
    await settle(route.proxy, { ...org, epoch: 8 });
    const again = await route.proxy.readRoute(owner);
    await route.proxy.setRoute({ ...owner, epoch: 9 }, 'repair', { kind: 'source' }, again.comment ?? '');
    expect(await client.side()).toBe('source');
    expect((await audit(route.proxy, expectedAt('source', { ...org, epoch: 9 }))).drift).toEqual([]);
  });

  it('is given its own rules at every cut, also when it is to leave the cluster', async () => {
    for (let cutAt = 0; ; cutAt++) {
      await world.reset();
      const { route, org } = await completed(by);
      const client = await world.client(by);
      await settle(route.proxy, org);
      const given = openAdmin(world.proxyConfig);
      let commands = 0;
      let leaving = false;
      const atCut = async () => {
        if (commands++ === cutAt) throw new Error('cut off');
      };
      const cutting = world.adapter(at(by), {
        rows: async (sql, signal) => atCut().then(() => given.rows(sql, signal)),
        write: async (sql, signal) => {
          // Nothing but the change that is wanted may lead it away.
          if (!leaving) expect(await client.side(), sql).toBe('target');
          leaving ||= sql.includes('step=repair');
          return atCut().then(() => given.write(sql, signal));
        },
        close: () => given.close(),
      });
      const owner = ownerOf({ epoch: 8 });
      const before = await route.proxy.readRoute(owner);
      const cut = await cutting
        .setRoute(owner, 'repair', { kind: 'source' }, before.comment ?? '')
        .then(() => false)
        .catch((error: unknown) => (error as Error).message === 'cut off');
      // Whoever comes next finds what is there and goes on from it.
      const found = await route.proxy.readRoute(owner);
      await route.proxy.setRoute(ownerOf({ epoch: 9 }), 'repair', { kind: 'source' }, found.comment ?? '');
      expect(await client.side(), `cut at ${cutAt}`).toBe('source');
      await world.bench.admin('LOAD MYSQL QUERY RULES FROM DISK', 'LOAD MYSQL QUERY RULES TO RUNTIME');
      expect(await client.side(), `from disk ${cutAt}`).toBe('source');
      expect((await audit(route.proxy, expectedAt('source', { ...org, epoch: 9 }))).drift).toEqual([]);
      if (!cut) break;
    }
  }, 120_000);

  it('loses to whoever has taken the org over: what was to be shared is not', async () => {
    const { route, org } = await completed(by);
    const taken = await route.proxy.setRoute(ownerOf({ epoch: 8 }), 'repair', { kind: 'source' }, route.comment);
    expect(await route.proxy.share([org], now)).toEqual(new Set());
    expect(await route.proxy.settle([org], now)).toEqual(new Set());
    expect((await route.proxy.readRoute(org)).comment).toBe(taken);
    expect(await (await world.client(by)).side()).toBe('source');
    await expect(route.proxy.setRoute(org, 'keep', { kind: 'cluster' }, route.comment)).rejects.toThrow(
      RouteConflictError,
    );
  });

  it('is taken over between its sharing and its settling: its rules do not rest', async () => {
    const { route, org } = await completed(by);
    await route.proxy.share([org], now);
    const { comment } = await route.proxy.readRoute(org);
    await route.proxy.setRoute(ownerOf({ epoch: 8 }), 'repair', { kind: 'source' }, comment ?? '');
    expect(await route.proxy.settle([org], now)).toEqual(new Set());
    expect(await (await world.client(by)).side()).toBe('source');
    expect((await audit(route.proxy, expectedAt('source', { ...org, epoch: 8 }))).drift).toEqual([]);
  });

  it('rests its own rules only where the proxy runs the shared route', async () => {
    const { route, org } = await completed(by);
    const given = openAdmin(world.proxyConfig);
    const deaf = world.adapter(at(by), {
      rows: (sql, signal) => given.rows(sql, signal),
      write: async (sql, signal) => (sql.startsWith('LOAD MYSQL QUERY RULES') ? 0 : given.write(sql, signal)),
      close: () => given.close(),
    });
    expect(await deaf.share([org], now)).toEqual(new Set());
    expect(await deaf.settle([org], now)).toEqual(new Set());
    expect((await route.proxy.sharings()).get(42)?.sharing).toBe('both');
    await settle(route.proxy, org);
  });

  it('is not misled by a command to rest its rules that comes when it is shared anew', async () => {
    const { route, org } = await completed(by);
    await route.proxy.share([org], now);
    const given = openAdmin(world.proxyConfig);
    let late = '';
    const delayed = world.adapter(at(by), {
      rows: (sql, signal) => given.rows(sql, signal),
      write: async (sql, signal) => {
        if (!sql.includes('state=settled')) return given.write(sql, signal);
        late = sql;
        return 0;
      },
      close: () => given.close(),
    });
    expect(await delayed.settle([org], now)).toEqual(new Set());
    const { comment } = await route.proxy.readRoute(org);
    await route.proxy.setRoute(org, 'own', { kind: 'cluster' }, comment ?? '');
    // Marked to be shared again, and cut off before the shared route has it.
    let commands = 0;
    await route.proxy
      .share([org], async () => {
        if ((await route.proxy.readRoute(org)).comment?.includes('step=share') && commands++ === 0)
          throw new Error('cut off');
      })
      .catch(() => {});
    expect((await route.proxy.sharings()).get(42)?.sharing).toBe('both');
    await world.bench.admin(late, 'LOAD MYSQL QUERY RULES TO RUNTIME');
    await expectServed(await world.client(by), 'late');
  });

  it('is adopted by a proxy that joins, with all that it shares', async () => {
    const { route, org } = await completed(by);
    await settle(route.proxy, org);
    const members = await route.proxy.picture();
    await world.reset();
    // Another org from an earlier life of the proxy.
    const old = await completed(by, { orgId: 4, slot: 2 });
    await settle(old.route.proxy, old.org);
    const before = await old.route.proxy.picture();
    await old.route.proxy.adopt({ like: members, before });
    const after = await old.route.proxy.picture();
    expect(isCopyOf(after, members)).toBe(true);
    await expectServed(await world.client(by), 'adopted');
    expect(await (await world.client(by, 4)).side()).toBe('source');
    expect((await audit(old.route.proxy, expectedAt('cluster', org))).drift).toEqual([]);
  });

  it('that somebody takes out of the shared route is noticed, and has its own rules back', async () => {
    const { route, org } = await completed(by);
    const other = await completed(by, { orgId: 4, slot: 2 });
    await settle(route.proxy, org, other.org);
    const client = await world.client(by);
    await world.bench.admin(
      by === 'comment'
        ? "UPDATE mysql_query_rules SET match_pattern = replace(match_pattern, '|42|', '|') WHERE comment LIKE 'bigdb-cutover shared %'"
        : "DELETE FROM mysql_query_rules_fast_routing WHERE comment LIKE 'bigdb-cutover org=42 %'",
      'LOAD MYSQL QUERY RULES TO RUNTIME',
    );
    expect(await client.side()).toBe('source');
    const expected = expectedAt('cluster', org, other.org);
    const { drift } = await audit(route.proxy, expected);
    expect(drift.filter(({ orgId }) => orgId === 42).map(({ kind }) => kind)).toContain('shared');
    expect(await route.proxy.mend(drift, expected, now)).toEqual([]);
    await expectServed(client, 'mended');
    await expectServed(await world.client(by, 4), 'the other');
    expect((await audit(route.proxy, expected)).drift).toEqual([]);
  });
});

describe('what a look for drift finds, and puts right', () => {
  const drifts: readonly { what: string; kind: string; by: readonly string[] }[] = [
    {
      what: 'rules that lead elsewhere than their comment says',
      kind: 'rules',
      by: [`UPDATE mysql_query_rules SET destination_hostgroup = ${SOURCE} WHERE rule_id BETWEEN 10000 AND 10001`],
    },
    {
      what: 'rules that are gone',
      kind: 'route',
      by: ['DELETE FROM mysql_query_rules WHERE rule_id IN (10000, 10001)'],
    },
    {
      what: 'rules that were switched off',
      kind: 'rules',
      by: ['UPDATE mysql_query_rules SET active = 0 WHERE rule_id = 10001'],
    },
    {
      what: 'the one of two rules that is gone',
      kind: 'rules',
      by: ['DELETE FROM mysql_query_rules WHERE rule_id = 10001'],
    },
    {
      what: 'the one of two rules that is gone, of those that are off',
      kind: 'rules',
      by: ['DELETE FROM mysql_query_rules WHERE rule_id = 10000'],
    },
    {
      what: 'a sentinel that ends the rules',
      kind: 'sentinel',
      by: ['UPDATE mysql_query_rules SET apply = 1 WHERE rule_id = 2000000000'],
    },
    {
      what: 'a sentinel that is gone',
      kind: 'sentinel',
      by: ['DELETE FROM mysql_query_rules WHERE rule_id = 2000000000'],
    },
  ];
  it.each(drifts)('$what', async ({ kind, by }) => {
    const { route, org } = await completed('user');
    const expected = expectedAt('cluster', org);
    expect((await audit(route.proxy, expected)).drift).toEqual([]);
    await world.bench.admin(...by, 'LOAD MYSQL QUERY RULES TO RUNTIME', 'SAVE MYSQL QUERY RULES TO DISK');
    const { drift } = await audit(route.proxy, expected);
    expect(drift.map((each) => each.kind)).toEqual([kind]);
    expect(await route.proxy.mend(drift, expected, now)).toEqual([]);
    expect((await audit(route.proxy, expected)).drift).toEqual([]);
    await expectServed(await world.client('user'), 'mended');
  });

  it('a runtime and a disk that are not as memory', async () => {
    const { route, org } = await completed('user');
    const expected = expectedAt('cluster', org);
    await world.bench.admin(
      'UPDATE mysql_query_rules SET active = 0 WHERE rule_id = 10001',
      'LOAD MYSQL QUERY RULES TO RUNTIME',
      'SAVE MYSQL QUERY RULES TO DISK',
      'UPDATE mysql_query_rules SET active = 1 WHERE rule_id = 10001',
    );
    const { drift } = await audit(route.proxy, expected);
    expect(drift.map((each) => each.kind).toSorted()).toEqual(['published', 'saved']);
    expect(await route.proxy.mend(drift, expected, now)).toEqual([]);
    expect((await audit(route.proxy, expected)).drift).toEqual([]);
  });

  it('one org that cannot be mended keeps no other from it, and hides nothing', async () => {
    const { route, org } = await completed('user');
    const gone = await completed('user', { orgId: 4, slot: 2 });
    const expected = expectedAt('cluster', org, gone.org);
    await world.bench.admin(
      "UPDATE mysql_query_rules SET comment = 'somebody' WHERE rule_id IN (10000, 10001)",
      'DELETE FROM mysql_query_rules WHERE rule_id IN (10002, 10003, 2000000000)',
      'LOAD MYSQL QUERY RULES TO RUNTIME',
      'SAVE MYSQL QUERY RULES TO DISK',
    );
    const { drift } = await audit(route.proxy, expected);
    expect(drift.map(({ orgId }) => orgId).toSorted()).toEqual([4, 42, null]);
    const left = await route.proxy.mend(drift, expected, now);
    expect(left.map(({ orgId }) => orgId).toSorted()).toEqual([42, null]);
    await expectServed(await world.client('user', 4), 'mended');
  });

  it('leaves a held org, a newer owner and what nobody of us wrote to others', async () => {
    const { route, org } = await completed('user');
    await route.hold('cluster');
    const left = async (expected: ReadonlyMap<number, ExpectedRoute>) => {
      const { drift } = await audit(route.proxy, expected);
      expect(drift.length).toBeGreaterThan(0);
      const before = (await route.proxy.picture()).rules;
      expect(await route.proxy.mend(drift, expected, now)).toEqual(drift);
      expect((await route.proxy.picture()).rules).toEqual(before);
    };
    await left(expectedAt('cluster', org));
    await route.to('release', { kind: 'cluster' });
    await left(expectedAt('source', { ...org, epoch: 1 }));
    await world.bench.admin(
      "UPDATE mysql_query_rules SET comment = 'mine now' WHERE rule_id IN (10000, 10001)",
      'LOAD MYSQL QUERY RULES TO RUNTIME',
      'SAVE MYSQL QUERY RULES TO DISK',
    );
    await left(expectedAt('cluster', org));
  });

  it('orgs that move are nobody’s drift', async () => {
    const { route, org } = await completed('user');
    await world.bench.admin('UPDATE mysql_query_rules SET active = 0 WHERE rule_id = 10001');
    const look = await route.proxy.audit(new Map(), new Set([org.orgId]), now);
    expect(look.drift).toEqual([]);
  });
});

describe('orgs that keep rules of their own', () => {
  const why = async (by: By, changes: Partial<RoutingConfig> = {}, org = settledOrg()) =>
    (await world.adapter(at(by, changes)).needOwnRules([org])).reasons.get(org.orgId) ?? null;

  it('are those that fast routing would not lead as their rules do', async () => {
    expect(await why('user')).toBeNull();
    expect(await why('schema')).toBeNull();
    const cluster = { clusters: { [homeRegion]: { writerHostgroup: TARGET, readerHostgroup: 3 } } };
    expect(await why('user', cluster)).toMatch('reader hostgroup');
    expect(await why('comment', cluster)).toBeNull();

    await world.bench.addRule({ rule_id: 1_000_001, match_digest: '^SELECT ', destination_hostgroup: SOURCE });
    await world.bench.admin('LOAD MYSQL QUERY RULES TO RUNTIME');
    expect(await why('user')).toMatch('rule 1000001');
    expect(await why('schema')).toMatch('rule 1000001');
    expect(await why('comment')).toBeNull();
    await world.bench.admin("UPDATE mysql_query_rules SET username = 'org4'", 'LOAD MYSQL QUERY RULES TO RUNTIME');
    expect(await why('user')).toBeNull();
  });

  it('a user that was seen in a schema which fast routing was not told of; one that was not seen proves nothing', async () => {
    const orgs = [settledOrg(), settledOrg({ orgId: 4_321, slot: 2 })];
    const unseen = async (by: By) => [...(await world.adapter(at(by)).needOwnRules(orgs)).unseen];
    expect(await unseen('user')).toContain(4_321);
    expect([await unseen('schema'), await unseen('comment')]).toEqual([[], []]);
    const client = await world.bench.client('org42', { database: 'other' });
    await client.query('SELECT 1');
    expect(await why('user')).toMatch('seen in other');
    expect(await unseen('user')).toEqual([4_321]);
    expect(await why('user', { schemas: ['BigDB', 'other'] })).toBeNull();
  });

  it('one for which somebody else has a row, and one for whom no numbers are left', async () => {
    await world.bench.admin(
      `INSERT INTO mysql_query_rules_fast_routing (username, schemaname, flagIN, destination_hostgroup, comment)
         VALUES ('shared', 'BigDB_42', 0, ${SOURCE}, 'somebody')`,
    );
    expect(await why('schema')).toMatch('somebody else');
    expect(await why('comment', {}, settledOrg({ sharedPair: 79 }))).toMatch('no numbers left');
  });

  it('an org without a default schema is led as the others are once it has settled', async () => {
    const { route, org } = await completed('user');
    await settle(route.proxy, org);
    const bare = await world.bench.client('org42', { database: null });
    await bare.query("INSERT INTO BigDB.t (org, v) VALUES (42, 'bare')");
    expect(await world.stored('bare')).toEqual({ source: 0, target: 1 });
  });
});

describe('thousands of orgs in one alternation', () => {
  it('with ids of ten digits are all led, the last of a part too, and nobody else', async () => {
    const orgs = Array.from({ length: 2_500 }, (_, n) => settledOrg({ orgId: 2_000_000_000 + n, slot: n + 1 }));
    const routing = at('comment', { ruleIds: { from: 10_000, to: 19_999 } });
    const proxy = world.adapter(routing);
    const rules = orgs.flatMap(({ orgId, slot }) =>
      [0, 1].map((n) => ({
        rule_id: String(10_000 + (slot - 1) * 2 + n),
        active: String(n),
        username: null,
        schemaname: null,
        match_digest: null,
        match_pattern: `^\\s*/\\* OrgID=${orgId} \\*/`,
        destination_hostgroup: String(n === 0 ? SOURCE : TARGET),
        apply: '1',
        comment: `bigdb-cutover org=${orgId} epoch=7 attempt=1 step=release state=cluster`,
      })),
    );
    await proxy.adopt({ like: { rules, fast: [] }, before: { rules: [], fast: [] } });
    for (let at = 0; at < orgs.length; at += 250) await settle(proxy, ...orgs.slice(at, at + 250));
    expect((await world.runtimeRules()).filter(({ comment }) => comment?.includes('shared')).length).toBe(1);
    const client = await world.bench.client('shared');
    const sideOfOrg = async (orgId: number) => {
      const [rows] = await client.query(`/* OrgID=${orgId} */ SELECT name FROM BigDB.side`);
      return (rows as { name: string }[])[0]?.name;
    };
    for (const { orgId } of [orgs[0], orgs[1_249], orgs[2_499]].filter((org) => org !== undefined)) {
      expect(await sideOfOrg(orgId)).toBe('target');
    }
    for (const orgId of [2_000_002_500, 200_000_000, 2, 20_000_000_001]) expect(await sideOfOrg(orgId)).toBe('source');
    expect((await audit(proxy, expectedAt('cluster', ...orgs))).drift).toEqual([]);
  }, 120_000);
});
