import { beforeEach, describe, expect, test } from 'vitest';
import type { DmsApi } from '../../src/adapters/dms/api.ts';
import { ProxyUnavailableError } from '../../src/errors/index.ts';
import type { FleetStore } from '../../src/ports/fleet.ts';
import type { FleetProxy } from '../../src/ports/routing.ts';
import type { AttemptReport, Claim, Store } from '../../src/ports/store.ts';
import { MetricsWorld } from './world.ts';

const n = (name: string) => `bigdb_cutover_${name}`;
let world: MetricsWorld;
beforeEach(() => {
  world = new MetricsWorld();
});

describe('a proxy', () => {
  /** With a private field, which a copy of its methods would not have. */
  class Fake {
    readonly name = 'p1';
    #pings = 0;
    async ping() {
      await world.clock.sleep(30);
      return ++this.#pings;
    }
    async held(signal: AbortSignal) {
      signal.throwIfAborted();
      throw new ProxyUnavailableError('p1', 'x', new Error('gone'));
    }
    close() {}
  }
  const wrapped = () => world.metrics.edges.proxy(new Fake() as unknown as FleetProxy);

  test('is the same to its callers, with its calls timed and its errors counted', async () => {
    const proxy = wrapped();
    const answer = proxy.ping();
    await world.clock.advance(30);
    expect(await answer).toBe(1);
    expect(proxy.name).toBe('p1');
    expect(proxy.ping).toBe(proxy.ping);
    expect(proxy.close()).toBeUndefined();
    await expect(proxy.held(new AbortController().signal)).rejects.toBeInstanceOf(ProxyUnavailableError);
    const now = await world.scrape();
    expect(now.value(n('proxy_call_duration_seconds_sum'), { proxy: 'p1', operation: 'ping' })).toBeCloseTo(0.03);
    expect(now.find(n('proxy_call_errors_total'))).toMatchObject([
      { value: 1, labels: { proxy: 'p1', operation: 'held', code: 'PROXY_UNAVAILABLE' } },
    ]);
  });

  test('is not blamed for what its caller gave up, but for what it did not answer in time', async () => {
    await expect(wrapped().held(AbortSignal.abort(new Error('the flip is over')))).rejects.toThrow('the flip is over');
    expect((await world.scrape()).find(n('proxy_call_errors_total'))).toEqual([]);
    await expect(wrapped().held(AbortSignal.abort(new DOMException('late', 'TimeoutError')))).rejects.toThrow('late');
    expect((await world.scrape()).value(n('proxy_call_errors_total'))).toBe(1);
  });
});

test('DMS’s throttling, silence and refusals are told apart', async () => {
  const faults = [{ name: 'ThrottlingException' }, { name: 'TimeoutError' }, { name: 'X', $fault: 'client' }];
  const dms = world.metrics.edges.dms(
    { describeTasks: () => Promise.reject(faults.shift()) } as unknown as DmsApi,
    'eu-west-2',
  );
  for (let call = 0; call < 3; call++)
    await dms.describeTasks({} as never, new AbortController().signal).catch(() => {});
  const errors = (await world.scrape()).find(n('dms_call_errors_total'), { home_region: 'eu-west-2' });
  expect(errors.map(({ labels }) => labels.code)).toEqual(['throttled', 'unanswered', 'refused']);
});

describe('the store', () => {
  const wrap = (methods: object) => world.metrics.edges.store(methods as Store & FleetStore);

  test('is up while it answers signs of life', async () => {
    expect((await world.scrape()).value(n('store_up'))).toBe(0);
    let answers = true;
    const store = wrap({
      beatController: async () => (answers ? { storeMs: 0, known: true } : Promise.reject(new Error())),
    });
    await store.beatController('a');
    expect((await world.scrape()).value(n('store_up'))).toBe(1);
    answers = false;
    await world.clock.advance(5_000);
    await store.beatController('a').catch(() => {});
    const now = await world.scrape();
    expect(now.value(n('store_up'))).toBe(0);
    expect(now.value(n('store_silent_seconds'))).toBe(5);
  });

  test('tells what changes hands: what was its own and is taken anew does not', async () => {
    const claim: Claim = {
      taken: [
        { id: 'm-1', from: null },
        { id: 'm-2', from: 'dead' },
        { id: 'm-3', from: 'me' },
      ],
      lost: ['m-4'],
      leaseless: [{ id: 'm-5', owner: 'x' }],
    };
    const store = wrap({ beatController: async () => ({ storeMs: 0, known: true }), claim: async () => claim });
    await store.beatController('me');
    await store.claim('me', 1, { running: [], resting: [] });
    const now = await world.scrape();
    const changes = now.find(n('lease_changes_total')).map(({ labels, value }) => [labels.change, value]);
    expect(changes).toEqual([
      ['taken', 1],
      ['takenOver', 1],
      ['lost', 1],
      ['leaseless', 1],
    ]);
  });

  test('carries what an attempt came to', async () => {
    const store = wrap({ reportAttempt: async () => {} });
    const report = (phases: AttemptReport['phases'], more: Partial<AttemptReport> = {}): AttemptReport => ({
      phases,
      writePauseMs: 80,
      readPauseMs: null,
      endedAtMs: 1,
      reason: null,
      ...more,
    });
    world.step(42, 'flipping.release', { serving: 'held', attempt: 2 });
    const drained = { phase: 'drain', ms: 700, ok: false };
    const reason = { code: 'DRAIN_TIMEOUT', message: '', remedy: '', details: {} };
    await store.reportAttempt('m-42', 1, report([drained, { phase: 'abort', ms: 5, ok: true }], { reason }));
    await store.reportAttempt('m-42', 2, report([{ phase: 'release', ms: 10, ok: true }], { readPauseMs: 20 }));
    await store.reportAttempt('m-elsewhere', 1, report([]));
    const now = await world.scrape();
    expect(now.find(n('attempts_total')).map(({ labels, value }) => [labels.decision, labels.reason, value])).toEqual([
      ['abort', 'DRAIN_TIMEOUT', 1],
      ['commit', '', 1],
    ]);
    expect(now.value(n('pause_seconds_count'), { kind: 'write' })).toBe(2);
    expect(now.value(n('pause_seconds_sum'), { kind: 'read', decision: 'commit' })).toBeCloseTo(0.02);
    expect(now.value(n('flip_step_duration_seconds_sum'), { step: 'drain', ok: 'false' })).toBeCloseTo(0.7);
  });

  test('goes on with its answers where a figure cannot be kept', async () => {
    const store = wrap({ claim: async () => 'no claim at all' });
    expect(await store.claim('me', 1, { running: [], resting: [] })).toBe('no claim at all');
    expect((await world.scrape()).value(n('metrics_faults_total'))).toBe(1);
    expect(world.logged).toHaveLength(1);
  });
});
