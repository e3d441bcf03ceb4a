import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/adapters/clock.ts';
import type { EffectRun } from '../../src/driver/handlers.ts';
import type { Estate } from '../../src/estate/estate.ts';
import type { FlipAttempt } from '../../src/flip/attempt.ts';
import { release } from '../../src/flip/release.ts';
import type { RouteKeeper } from '../../src/flip/routeKeeper.ts';
import { makeWorld, type World } from '../places/world.ts';

const orgId = 42;

let cluster: World;
beforeAll(async () => {
  cluster = await makeWorld('cluster');
});
afterAll(() => cluster?.close());

describe('the release', () => {
  it('opens the fence of the side that will serve before any proxy sends a query there', async () => {
    await cluster.place.setFence(orgId, 'nobody', 7, 1_000);
    const estate = {
      sites: [],
      clusters: new Map([['eu-west-2', cluster.place]]),
      clock: systemClock,
      proxiesPatienceMs: 4_000,
    } as unknown as Estate;
    const attempt = {
      owner: { orgId, homeRegion: 'eu-west-2', slot: 1, epoch: 7, attempt: 3 },
      direction: 'forward',
      next: 'cluster',
      comments: new Map(),
      budgetMs: 3_000,
      heldAtMs: null,
      parkedAtMs: null,
    } as unknown as FlipAttempt;
    const never = new AbortController().signal;
    const run = { signal: never, ownership: never, note: () => {}, waitsFor: () => {} } as unknown as EffectRun;
    const fenceWhenRouted: unknown[] = [];
    const keeper = {
      bring: async () => {
        fenceWhenRouted.push((await cluster.place.readFence(orgId))?.writer);
        return { atMs: systemClock.monotonicMs(), stragglers: [] };
      },
    } as unknown as RouteKeeper;
    await release(estate, attempt, keeper, run);
    expect(fenceWhenRouted).toEqual(['clients']);
  });
});
