import { beforeEach, describe, expect, test } from 'vitest';
import { contextOf, MetricsWorld } from './world.ts';

const n = (name: string) => `bigdb_cutover_${name}`;
const failure = (code: string) => ({ code, message: 'm', remedy: 'r', details: {} });
const onCluster = { serving: 'cluster', direction: 'forward', attempt: 1 } as const;
const goingBack = { ...onCluster, direction: 'back' } as const;

let world: MetricsWorld;
beforeEach(() => {
  world = new MetricsWorld();
});

describe('the series of an org', () => {
  test('say its state, are one at a time, and go with its end', async () => {
    world.step(42, 'ready');
    world.step(42, 'needsOperator', { reason: failure('TASK_FAILED') });
    const states = (await world.scrape()).find(n('org_state'), { org: '42' });
    expect(states).toMatchObject([{ value: 1, labels: { state: 'needsOperator', reason: 'TASK_FAILED' } }]);
    world.metrics.onReleased(contextOf(42));
    expect((await world.scrape()).series.filter(({ labels }) => labels.org !== undefined)).toEqual([]);
  });

  test('leave nothing behind when thousands have come and gone', async () => {
    const before = (await world.scrape()).series.length;
    for (let orgId = 1; orgId <= 3_000; orgId++) {
      world.step(orgId, 'ready');
      world.metrics.onReleased(contextOf(orgId));
    }
    expect((await world.scrape()).series.length).toBe(before);
  });

  test('tell how long its clients wait, also where another controller began the hold', async () => {
    world.step(42, 'flipping.hold', { serving: 'held' }, world.clock.nowMs() - 1_500);
    await world.clock.advance(500);
    world.step(42, 'flipping.drain', { serving: 'held' });
    await world.clock.advance(2_000);
    expect((await world.scrape()).value(n('org_held_seconds'), { org: '42' })).toBeCloseTo(4);
    expect((await world.scrape()).value(n('org_flip_budget_seconds'), { org: '42' })).toBe(3);
    world.step(42, 'verifying.settling', onCluster);
    expect((await world.scrape()).find(n('org_held_seconds'))).toEqual([]);
    expect((await world.scrape()).value(n('org_flipped_timestamp_seconds'))).toBeCloseTo(world.clock.nowMs() / 1_000);
  });

  test('show a lag that nobody measures any more as growing, with the limit of its direction', async () => {
    world.step(42, 'soaking', onCluster);
    world.lags.set(42, { lagMs: 200, origin: 'c', atMs: world.clock.monotonicMs() });
    await world.clock.advance(1_000);
    expect((await world.scrape()).value(n('lag_seconds'), { org: '42', direction: 'back' })).toBe(0.2);
    await world.clock.advance(60_000);
    expect((await world.scrape()).value(n('lag_seconds'), { org: '42' })).toBeCloseTo(58.2);
    expect((await world.scrape()).value(n('lag_limit_seconds'), { direction: 'back' })).toBe(30);
    world.step(42, 'soaking', { ...onCluster, serving: 'source' });
    expect((await world.scrape()).value(n('lag_limit_seconds'), { direction: 'forward' })).toBe(0.5);
  });
});

describe('a way back', () => {
  const count = async (reason: string) => (await world.scrape()).value(n('rollbacks_total'), { reason });

  test('counts once, by the guard that began it', async () => {
    expect((await world.scrape()).find(n('rollbacks_total'), { reason: 'REVERSE_LAG' })).toMatchObject([{ value: 0 }]);
    world.step(42, 'soaking', onCluster);
    world.step(42, 'rollingBack.catchUp', { ...goingBack, reason: failure('REVERSE_LAG') });
    world.step(42, 'rollingBack.hold', { ...goingBack, serving: 'held', reason: failure('REVERSE_LAG') });
    world.step(42, 'rollingBack.backoff', { ...goingBack, reason: failure('DRAIN_TIMEOUT') });
    expect(await count('REVERSE_LAG')).toBe(1);
    expect(await count('DRAIN_TIMEOUT')).toBe(0);
  });

  test('that a person began is told from one of a guard', async () => {
    world.step(42, 'soaking', { ...onCluster, reason: failure('VERIFY_FAILED') });
    world.step(42, 'rollingBack.catchUp', { ...goingBack, returnRequested: 'rolledBack' });
    expect(await count('REQUESTED')).toBe(1);
  });

  test('that stopped and goes on is the same one; one out of another stop is new', async () => {
    const stopped = { ...goingBack, resumeAt: 'rollingBack' as const, reason: failure('TASK_FAILED') };
    world.step(42, 'rollingBack.catchUp', { ...goingBack, reason: failure('REVERSE_LAG') });
    world.step(42, 'needsOperator', stopped);
    world.step(42, 'rollingBack.catchUp', { ...goingBack, resumeAt: 'rollingBack' });
    expect(await count('REVERSE_LAG')).toBe(0);
    expect((await world.scrape()).value(n('operator_stops_total'), { reason: 'TASK_FAILED' })).toBe(1);
    world.step(43, 'needsOperator', { ...onCluster, resumeAt: 'verifying' });
    world.step(43, 'rollingBack.catchUp', { ...goingBack, returnRequested: 'rolledBack' });
    expect(await count('REQUESTED')).toBe(1);
  });

  test('that was taken over is its first owner’s figure', async () => {
    world.step(42, 'rollingBack.catchUp', { ...goingBack, reason: failure('REVERSE_LAG') });
    expect(await count('REVERSE_LAG')).toBe(0);
  });
});

test('the end of a move and the time of its phases are counted when they come', async () => {
  world.step(42, 'replicating.fullLoad', {}, world.clock.nowMs() - 60_000);
  await world.clock.advance(60_000);
  world.step(42, 'replicating.cdc');
  world.step(42, 'lagCheck');
  world.step(42, 'cancelled', { outcome: 'cancelled' });
  const now = await world.scrape();
  expect(now.value(n('phase_duration_seconds_sum'), { phase: 'replicating' })).toBe(120);
  expect(now.value(n('phase_duration_seconds_count'), { phase: 'replicating' })).toBe(1);
  expect(now.value(n('migrations_ended_total'), { outcome: 'cancelled' })).toBe(1);
});
