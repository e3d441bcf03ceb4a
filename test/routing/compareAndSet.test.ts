import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { pollUntil } from '../../infra/lab/databases/index.ts';
import { openAdmin } from '../../src/adapters/proxysql/admin.ts';
import { ProxyUnavailableError, RouteConflictError } from '../../src/errors/routing.ts';
import type { FleetProxy } from '../../src/ports/routing.ts';
import { errorOf } from '../conformance/proxysql/bench.ts';
import { Relay } from './relay.ts';
import { ownerOf, RouteSteps, RoutingWorld, routingBy } from './world.ts';

let world: RoutingWorld;
beforeAll(async () => {
  world = await RoutingWorld.start();
});
afterAll(() => world?.stop());
beforeEach(() => world.reset());

const held = (holdHostgroup: number) => ({ kind: 'held', serving: 'source', holdHostgroup }) as const;

describe('every change of a route compares the whole comment', () => {
  it('a change from a comment that is not there any more changes nothing and names what it found', async () => {
    const route = await world.prepared('user');
    const left = route.comment;
    await route.hold('source');
    await route.release('source');
    const conflict = await errorOf(route.proxy.setRoute(route.owner, 'hold', held(31_000), left));
    expect(conflict).toBeInstanceOf(RouteConflictError);
    expect(conflict).toMatchObject({ code: 'ROUTE_CONFLICT', expected: left, found: route.comment });
    expect((await route.proxy.readRoute(route.owner)).comment).toBe(route.comment);
    expect(await world.runtimeRules()).toEqual([]);
  });

  it('the same epoch is not enough: a command of an older attempt finds nothing', async () => {
    const first = await world.prepared('user', { attempt: 1 });
    const left = first.comment;
    const second = new RouteSteps(first.proxy, ownerOf({ attempt: 2 }), first.holdHostgroup + 1);
    await second.prepare();
    await expect(first.proxy.setRoute(first.owner, 'hold', held(31_000), left)).rejects.toThrow(RouteConflictError);
    await second.hold('source');
    expect((await first.proxy.readRoute(first.owner)).comment).toBe(second.comment);
  });

  it('an owner that was cut off changes nothing that a newer one wrote, though it has just read it', async () => {
    const stale = await world.prepared('user', { epoch: 1, attempt: 2 });
    const newer = new RouteSteps(stale.proxy, ownerOf({ epoch: 2, attempt: 2 }), stale.holdHostgroup);
    await newer.prepare();
    const { comment } = await stale.proxy.readRoute(stale.owner);
    expect(comment).toBe(newer.comment);
    const refused = await errorOf(stale.proxy.setRoute(stale.owner, 'prepare', { kind: 'source' }, comment ?? ''));
    expect(refused).toMatchObject({ code: 'EPOCH_STALE' });
    expect((await stale.proxy.readRoute(stale.owner)).comment).toBe(newer.comment);
  });

  it('a change that is already there is no conflict: an answer may have been lost', async () => {
    const route = await world.prepared('user');
    const left = route.comment;
    await route.hold('source');
    expect(await route.proxy.setRoute(route.owner, 'hold', held(route.holdHostgroup), left)).toBe(route.comment);
  });

  it('a hold is opened only for the comment that is there: no servers are copied for another', async () => {
    const route = await world.prepared('user');
    await route.hold('source');
    const heldComment = route.comment;
    const client = await world.client('user');
    const write = client.write('waited');
    await route.untilWaiting(1);
    await route.to('release', { kind: 'cluster' });
    await expect(route.proxy.openHold(route.owner, route.holdHostgroup, 'source', heldComment)).rejects.toThrow(
      RouteConflictError,
    );
    expect(await route.proxy.waiting(route.holdHostgroup)).toBe(1);
    await route.proxy.openHold(route.owner, route.holdHostgroup, 'cluster', route.comment);
    await write;
    expect(await world.stored('waited')).toEqual({ source: 0, target: 1 });
  });

  it('two rules of one org that say different things are a conflict, not a route', async () => {
    const route = await world.prepared('user');
    await world.bench.admin("UPDATE mysql_query_rules SET comment = 'mine now' WHERE rule_id = 10001");
    await expect(route.proxy.readRoute(route.owner)).rejects.toThrow(RouteConflictError);
    await expect(route.hold('source')).rejects.toThrow(RouteConflictError);
    expect(await world.runtimeRules()).toEqual([]);
  });
});

describe('a command that was given up', () => {
  let relay: Relay;
  let delayed: FleetProxy;
  beforeEach(async () => {
    relay = await Relay.start(world.bench.proxy.adminPort);
    const behindRelay = openAdmin({ ...world.proxyConfig, adminPort: relay.port });
    delayed = world.adapter(routingBy('user'), behindRelay);
  });
  afterEach(() => relay?.close());

  /** Sends the hold of an attempt into the partition and gives it up. */
  async function loseTheHold(route: RouteSteps): Promise<void> {
    await delayed.ping();
    relay.cut();
    const limit = AbortSignal.timeout(150);
    await expect(
      delayed.setRoute(route.owner, 'hold', held(route.holdHostgroup), route.comment, limit),
    ).rejects.toThrow(ProxyUnavailableError);
    expect(relay.keptBytes).toBeGreaterThan(0);
  }

  it('in a partition finds nothing to match after the abort, though the epoch is the same', async () => {
    const route = await world.prepared('user');
    await loseTheHold(route);
    await route.to('abort', { kind: 'source' });
    await relay.deliver();
    expect((await route.proxy.readRoute(route.owner)).comment).toBe(route.comment);
    expect(await (await world.client('user')).write('served')).toBeDefined();
    expect(await world.stored('served')).toEqual({ source: 1, target: 0 });
  });

  it('in a partition finds nothing to match after the next attempt has flipped the org', async () => {
    const route = await world.prepared('user');
    await loseTheHold(route);
    const next = new RouteSteps(route.proxy, ownerOf({ attempt: 2 }), route.holdHostgroup + 1);
    await next.prepare();
    await next.hold('source');
    await next.release('cluster');
    await relay.deliver();
    expect((await route.proxy.readRoute(route.owner)).comment).toBe(next.comment);
    // Somebody else's LOAD would publish it, were it there.
    await world.bench.admin('LOAD MYSQL QUERY RULES TO RUNTIME');
    expect(await (await world.client('user')).side()).toBe('target');
  });

  it('in a frozen proxy is carried out after the thaw, and whoever brings the route back finds and undoes it', async () => {
    const route = await world.prepared('user');
    const { proxy } = world.bench;
    const other = world.adapter(routingBy('user'));
    await other.ping();
    proxy.freeze();
    try {
      await expect(
        route.proxy.setRoute(route.owner, 'hold', held(route.holdHostgroup), route.comment, AbortSignal.timeout(150)),
      ).rejects.toThrow(ProxyUnavailableError);
    } finally {
      proxy.thaw();
    }
    // The command and those who look race; each round goes from what it found.
    await pollUntil('the route to be back at the source', async () => {
      const found = await other.readRoute(route.owner);
      const back = await other
        .setRoute(route.owner, 'abort', { kind: 'source' }, found.comment ?? '')
        .catch((error) => {
          if (error instanceof RouteConflictError) return null;
          throw error;
        });
      return back !== null;
    });
    const brought = await other.readRoute(route.owner);
    expect(brought.route).toEqual({ kind: 'source' });
    await (await world.client('user')).write('served');
    expect(await world.stored('served')).toEqual({ source: 1, target: 0 });
  });
});
