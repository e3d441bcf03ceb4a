import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/adapters/clock.ts';
import type { EffectRun } from '../../src/driver/handlers.ts';
import type { Estate } from '../../src/estate/estate.ts';
import { abort } from '../../src/flip/abort.ts';
import type { FlipAttempt } from '../../src/flip/attempt.ts';
import { release } from '../../src/flip/release.ts';
import type { RouteKeeper } from '../../src/flip/routeKeeper.ts';
import type { FenceWriter } from '../../src/ports/place.ts';
import { settled } from '../conformance/proxysql/bench.ts';
import { freeze, nextEpoch } from '../places/help.ts';
import { makeWorld, type World } from '../places/world.ts';

const orgId = 42;
const homeRegion = 'eu-west-2';

let site: World;
let cluster: World;
beforeAll(async () => {
  [site, cluster] = await Promise.all([makeWorld('site'), makeWorld('cluster')]);
});
afterAll(() => Promise.all([site?.close(), cluster?.close()]));

let epoch: number;
let estate: Estate;
let ending: AbortController;
let waits: (string | null)[];
let run: EffectRun;
/** Fences as they were when the routes followed. */
let whenRouted: Promise<{ site: FenceWriter | undefined }>;
let routed: (fences: { site: FenceWriter | undefined }) => void;
const keeper = {
  bring: async () => {
    routed({ site: (await site.place.readFence(orgId))?.writer });
    return { atMs: systemClock.monotonicMs(), stragglers: [] };
  },
  beside: () => {},
} as unknown as RouteKeeper;

beforeEach(() => {
  epoch = nextEpoch();
  estate = {
    sites: [site.place],
    clusters: new Map([[homeRegion, cluster.place]]),
    routing: { proxies: [] },
    store: { decide: async () => 'abort', retireAttempt: async () => {} },
    clock: systemClock,
    logger: { warn: () => {} },
    proxiesPatienceMs: 0,
  } as unknown as Estate;
  ending = new AbortController();
  waits = [];
  run = {
    signal: ending.signal,
    ownership: ending.signal,
    note: () => {},
    waitsFor: (what: string | null) => waits.push(what),
  } as unknown as EffectRun;
  whenRouted = new Promise((resolve) => {
    routed = resolve;
  });
});
afterEach(async () => {
  ending.abort(new Error('the test is over'));
  await cluster.server.kill('SIGCONT');
});

/** Everything is held and pinned, and the budget is spent. */
async function pinnedAttempt(direction: 'forward' | 'back'): Promise<FlipAttempt> {
  await site.place.setFence(orgId, 'nobody', epoch, 1_000);
  await cluster.place.setFence(orgId, 'nobody', epoch, 1_000);
  return {
    owner: { orgId, homeRegion, slot: 1, epoch, attempt: 3 },
    direction,
    next: direction === 'forward' ? 'cluster' : 'source',
    comments: new Map(),
    parkedAtMs: null,
    budgetMs: 500,
    heldAtMs: systemClock.monotonicMs() - 500,
    fenceTouched: true,
    views: null,
    commitSent: false,
  } as unknown as FlipAttempt;
}

describe('a cluster that stopped answering behind the pin ends no hold late', () => {
  it('an abort routes back to the sites with their fence open, and gives the cluster back to the task once it answers', async () => {
    const attempt = await pinnedAttempt('forward');
    await freeze(cluster.server);
    const aborting = abort(estate, attempt, keeper, run);
    const ended = settled(aborting);
    expect(await whenRouted).toEqual({ site: 'clients' });
    expect(ended()).toBe(false);
    await cluster.server.kill('SIGCONT');
    await aborting;
    expect((await cluster.place.readFence(orgId))?.writer).toBe('forward');
  });

  it('a release lets the queries go on, says what it waits for, and ends once the fence is open', async () => {
    const attempt = await pinnedAttempt('forward');
    await freeze(cluster.server);
    const releasing = release(estate, attempt, keeper, run);
    const ended = settled(releasing);
    // Never two sides: the one that served stays closed.
    expect(await whenRouted).toEqual({ site: 'nobody' });
    expect(ended()).toBe(false);
    await expect.poll(() => waits.at(-1), { timeout: 20_000 }).toContain('the fence at eu-west-2');
    await cluster.server.kill('SIGCONT');
    await releasing;
    expect((await cluster.place.readFence(orgId))?.writer).toBe('clients');
  });

  it('an abort of the way back does the same: the cluster goes on serving as soon as it can', async () => {
    const attempt = await pinnedAttempt('back');
    await freeze(cluster.server);
    const aborting = abort(estate, attempt, keeper, run);
    const ended = settled(aborting);
    expect(await whenRouted).toEqual({ site: 'reverse' });
    expect(ended()).toBe(false);
    await cluster.server.kill('SIGCONT');
    await aborting;
    expect((await cluster.place.readFence(orgId))?.writer).toBe('clients');
  });
});
