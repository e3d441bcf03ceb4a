import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { pollUntil } from '../../infra/lab/databases/index.ts';
import { openAdmin } from '../../src/adapters/proxysql/admin.ts';
import type { FleetProxy } from '../../src/ports/routing.ts';
import { TARGET } from '../conformance/proxysql/bench.ts';
import { type RouteSteps, RoutingWorld, routingBy } from './world.ts';

let world: RoutingWorld;
beforeAll(async () => {
  world = await RoutingWorld.start();
});
afterAll(() => world?.stop());
beforeEach(() => world.reset());

/** A server that was taken away is shown as OFFLINE_HARD for as long as a session keeps its connection. */
const serversOf = (route: RouteSteps) =>
  world.bench.admin(
    `SELECT hostname FROM runtime_mysql_servers WHERE hostgroup_id = ${route.holdHostgroup} AND status <> 'OFFLINE_HARD'`,
  );

/** An adapter whose deletion arrives after a later attempt has put servers of its own into the hostgroup. */
function delayedRetirement(route: RouteSteps): FleetProxy {
  const admin = openAdmin(world.proxyConfig);
  const later = `UPDATE mysql_servers SET comment = 'of a later attempt' WHERE hostgroup_id = ${route.holdHostgroup}`;
  return world.adapter(routingBy('user'), {
    ...admin,
    async write(sql, signal) {
      if (sql.startsWith('DELETE')) await world.bench.admin(later, 'LOAD MYSQL SERVERS TO RUNTIME');
      return admin.write(sql, signal);
    },
  });
}

describe('a hold hostgroup is taken away', () => {
  it('not while a rule leads there, though nobody waits yet: the next query would wait in vain', async () => {
    const route = await world.prepared('user');
    await route.hold('source');
    expect(await route.proxy.retireHold(route.holdHostgroup)).toBe(false);
    const write = (await world.client('user')).write('came late');
    await route.untilWaiting(1);
    await route.release('source');
    await write;
    expect(await route.proxy.retireHold(route.holdHostgroup)).toBe(true);
    expect(await world.stored('came late')).toEqual({ source: 1, target: 0 });
  });

  it('only if its servers are the ones that were seen: a command of an earlier attempt takes none of a later one', async () => {
    const route = await world.prepared('user');
    await route.hold('source');
    await route.release('cluster');
    const delayed = delayedRetirement(route);
    expect(await delayed.retireHold(route.holdHostgroup)).toBe(true);
    expect(await serversOf(route)).toHaveLength(1);
  });

  it('not while a query waits in it', async () => {
    const route = await world.prepared('user');
    await route.hold('source');
    const write = (await world.client('user')).write('waited');
    await route.untilWaiting(1);
    expect(await route.proxy.retireHold(route.holdHostgroup)).toBe(false);
    await route.release('cluster');
    await write;
    expect(await world.stored('waited')).toEqual({ source: 0, target: 1 });
    expect(await route.proxy.retireHold(route.holdHostgroup)).toBe(true);
    expect(await serversOf(route)).toEqual([]);
  });

  it('not while a transaction that began in it is open, and the transaction loses nothing', async () => {
    const route = await world.prepared('user');
    await route.hold('source');
    const client = await world.client('user');
    const begun = client.connection.query('BEGIN');
    await route.untilWaiting(1);
    await route.release('cluster');
    await begun;
    await client.write('in a transaction');
    expect(await route.proxy.retireHold(route.holdHostgroup)).toBe(false);
    expect(await serversOf(route)).toHaveLength(1);
    await client.connection.query('COMMIT');
    expect(await world.stored('in a transaction')).toEqual({ source: 0, target: 1 });
    await pollUntil('the hold to be retired', () => route.proxy.retireHold(route.holdHostgroup), { timeoutMs: 60_000 });
  });

  it('not under a statement that runs in it: it would run twice when a server came back', async () => {
    const route = await world.prepared('user');
    await route.hold('source');
    const client = await world.client('user');
    const slow = client.connection.query("INSERT INTO t (org, v) SELECT 42, 'slow' FROM (SELECT SLEEP(0.4)) pause");
    await route.untilWaiting(1);
    await route.release('cluster');
    await world.untilAt(world.bench.target, 'the slow statement', "INFO LIKE '%SLEEP(0.4)%'");
    expect(await route.proxy.retireHold(route.holdHostgroup)).toBe(false);
    await slow;
    await pollUntil('the hold to be retired', () => route.proxy.retireHold(route.holdHostgroup), { timeoutMs: 60_000 });
    expect(await world.stored('slow')).toEqual({ source: 0, target: 1 });
  });

  it('under idle sessions, which go on where the org is', async () => {
    const route = await world.prepared('user');
    await route.hold('source');
    const client = await world.client('user');
    const write = client.write('waited');
    await route.untilWaiting(1);
    await route.release('cluster');
    await write;
    expect(await route.proxy.retireHold(route.holdHostgroup)).toBe(true);
    await client.write('after');
    expect(await client.side()).toBe('target');
    expect(await world.stored('after')).toEqual({ source: 0, target: 1 });
    // Nothing of it comes back with a restart, and others' servers are as they were.
    await world.bench.admin('LOAD MYSQL SERVERS FROM DISK');
    const left = await world.bench.admin('SELECT DISTINCT hostgroup_id FROM mysql_servers ORDER BY hostgroup_id');
    expect(left.map(({ hostgroup_id }) => Number(hostgroup_id))).toEqual([1, TARGET]);
  });

  it('again and again, also where it never had a server', async () => {
    const route = await world.prepared('user');
    expect(await route.proxy.retireHold(route.holdHostgroup)).toBe(true);
    expect(await route.proxy.retireHold(route.holdHostgroup)).toBe(true);
  });
});
