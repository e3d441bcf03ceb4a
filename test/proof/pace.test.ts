import { describe, expect, it } from 'vitest';
import { policyDefaults } from '../../src/config/index.ts';
import { SourceLoad } from '../../src/estate/sourceLoad.ts';
import type { Place } from '../../src/ports/place.ts';
import { Comparisons } from '../../src/proof/comparisons.ts';
import type { MigrationContext } from '../../statecharts/context.ts';
import { FakeClock } from '../soaking/fakeClock.ts';

const busyThreads = 10;

/** Comparisons of one org whose lag, and whose places' load, a test sets. */
function world(serving: 'source' | 'cluster' = 'source') {
  const clock = new FakeClock();
  const now = { lagMs: 0, threads: { lon1: 1, cluster: 1 } };
  const heartbeats = { lag: () => ({ lagMs: now.lagMs, origin: 'lon1', atMs: clock.monotonicMs() }) };
  const limits = { atOnce: 1, viewsPerSide: 2, busyThreads, cutoverViews: 2 };
  const place = (name: 'lon1' | 'cluster') => ({ name, runningThreads: async () => now.threads[name] }) as Place;
  const places = [place('lon1'), place('cluster')];
  const source = {
    busyThreads: 30,
    calmThreads: 15,
    lagMs: 1,
    calmLagMs: 1,
    freeDiskBytes: null,
    calmFreeDiskBytes: null,
  };
  const load = new SourceLoad({ sites: places.slice(0, 1), clock, limits: source });
  const comparisons = new Comparisons({ limits, clock, heartbeats, load });
  const migration = { orgId: 42, serving, policy: policyDefaults } as MigrationContext;
  const waited: (string | null)[] = [];
  const ended = new AbortController();
  const pace = () => comparisons.pace(migration, places, (what) => waited.push(what), ended.signal);
  return { clock, now, pace, waited, ended };
}

/** Whether the chunk may begin by now, and the time that it waited. */
async function begun(clock: FakeClock, pace: () => Promise<void>): Promise<() => number | null> {
  const fromMs = clock.monotonicMs();
  let atMs: number | null = null;
  void pace().then(() => {
    atMs = clock.monotonicMs() - fromMs;
  });
  await clock.advance(0);
  return () => atMs;
}

describe('a comparison', () => {
  it('does not wait where nothing is in its way', async () => {
    const { clock, pace, waited } = world();
    expect((await begun(clock, pace))()).toBe(0);
    expect(waited).toEqual([]);
  });

  it.each([
    ['a busy site', { lagMs: 0, threads: { lon1: busyThreads + 1, cluster: 1 } }, '11 statements run at lon1'],
    ['a busy cluster', { lagMs: 0, threads: { lon1: 1, cluster: 50 } }, '50 statements run at cluster'],
    [
      'the org’s lag',
      { lagMs: policyDefaults.lagGateMs * 2 + 1, threads: { lon1: 1, cluster: 1 } },
      `the lag is ${policyDefaults.lagGateMs * 2 + 1} ms`,
    ],
  ])('waits for %s, says why, and goes on when it is over', async (_what, meanwhile, why) => {
    const { clock, now, pace, waited } = world();
    Object.assign(now, meanwhile);
    const at = await begun(clock, pace);
    await clock.advance(3_000);
    expect(at()).toBeNull();
    expect(new Set(waited)).toEqual(new Set([`the comparison: it waits while ${why}`]));
    Object.assign(now, { lagMs: 0, threads: { lon1: 1, cluster: 1 } });
    await clock.advance(2_000);
    expect(at()).toBeGreaterThan(3_000);
    expect(at()).toBeLessThanOrEqual(5_000);
  });

  it('is slowed down where it does not end, and never starves', async () => {
    const { clock, now, pace } = world();
    now.lagMs = 1_000_000;
    for (let chunk = 0; chunk < 3; chunk++) {
      const at = await begun(clock, pace);
      await clock.advance(9_000);
      expect(at()).toBeNull();
      await clock.advance(1_500);
      expect(at()).toBeLessThanOrEqual(10_500);
    }
  });

  it('of an org on the cluster takes the lag that its guard takes', async () => {
    const { clock, now, pace } = world('cluster');
    now.lagMs = Math.max(policyDefaults.lagGateMs, policyDefaults.reverseLagMs / 2);
    expect((await begun(clock, pace))()).toBe(0);
    now.lagMs += 1;
    expect((await begun(clock, pace))()).toBeNull();
  });

  it('ends its wait with the comparison', async () => {
    const { clock, now, pace, ended } = world();
    now.lagMs = 1_000_000;
    const waiting = pace();
    await clock.advance(1_000);
    ended.abort(new Error('ended'));
    await expect(waiting).rejects.toThrow('ended');
  });
});
