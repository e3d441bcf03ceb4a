import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { StoreUnavailableError } from '../../src/errors/index.ts';
import { quantileOfMeans } from '../../src/metrics/quantiles.ts';
import type { OrgStatements, ProxyTraffic } from '../../src/ports/traffic.ts';
import { contextOf, MetricsWorld } from './world.ts';

const n = (name: string) => `bigdb_cutover_${name}`;
const everyMs = 1_000;

/** A proxy that tells what a test says. */
class Told {
  readonly name = 'p1';
  forms: OrgStatements[] = [];
  heldOrgs: number[] = [];
  asked = 0;
  traffics: ProxyTraffic | null = { pools: [], commands: [], refusals: [], triggerErrors: [] };
  async held() {
    return this.heldOrgs;
  }
  async orgStatements() {
    this.asked += 1;
    return this.forms;
  }
  async traffic() {
    if (this.traffics === null) throw new Error('silent');
    return this.traffics;
  }
}

const form = (side: OrgStatements['side'], digest: string, count: number, sumUs: number): OrgStatements => ({
  orgId: 42,
  side,
  homeRegion: null,
  digest,
  count,
  sumUs,
  longestUs: sumUs,
});

let world: MetricsWorld;
let proxy: Told;
beforeEach(() => {
  world = new MetricsWorld();
  proxy = new Told();
});
afterEach(() => world.metrics.stop());
const sample = () =>
  world.startSampling({ proxies: { proxies: [proxy], tellsErrorsApart: true, close: () => {} } as never });

describe('statements of an org', () => {
  const queries = async (side: string) => (await world.scrape()).value(n('org_queries_total'), { org: '42', side });

  test('count from the first look on, by side, and give a mean and quantiles', async () => {
    world.step(42, 'ready');
    proxy.forms = [form('source', 'a', 1_000, 5_000_000)];
    sample();
    await world.clock.advance(1);
    expect(await queries('source')).toBe(0);
    proxy.forms = [form('source', 'a', 1_090, 5_090_000), form('source', 'b', 10, 1_000_000)];
    await world.clock.advance(everyMs);
    const now = await world.scrape();
    expect(now.value(n('org_queries_total'), { org: '42', side: 'source' })).toBe(100);
    expect(now.value(n('org_query_seconds_total'), { side: 'source' })).toBeCloseTo(1.09);
    const at = (q: string) => now.value(n('org_query_quantile_seconds'), { side: 'source', q });
    expect([at('0.5'), at('0.95'), at('0.99')]).toEqual([0.001, 0.1, 0.1]);

    proxy.forms = [...proxy.forms, form('cluster', 'a', 50, 100_000)];
    await world.clock.advance(everyMs);
    expect(await queries('cluster')).toBe(50);
    expect((await world.scrape()).find(n('org_query_quantile_seconds'), { side: 'source' })).toEqual([]);
  });

  test('of a proxy that counts anew are no loss and no leap', async () => {
    world.step(42, 'ready');
    proxy.forms = [form('source', 'a', 1_000, 1_000)];
    sample();
    await world.clock.advance(1);
    proxy.forms = [form('source', 'a', 7, 7)];
    await world.clock.advance(everyMs);
    expect(await queries('source')).toBe(7);
  });

  test('are asked for by nobody while an org is held, here or elsewhere, or none is under way', async () => {
    sample();
    await world.clock.advance(3 * everyMs);
    expect(proxy.asked).toBe(0);
    world.step(42, 'flipping.drain', { serving: 'held' });
    await world.clock.advance(3 * everyMs);
    expect(proxy.asked).toBe(0);
    world.step(42, 'soaking', { serving: 'cluster' });
    proxy.heldOrgs = [7];
    await world.clock.advance(3 * everyMs);
    expect(proxy.asked).toBe(0);
    proxy.heldOrgs = [];
    await world.clock.advance(everyMs);
    expect(proxy.asked).toBe(1);
  });

  test('are forgotten with the org', async () => {
    world.step(42, 'ready');
    sample();
    await world.clock.advance(1);
    proxy.forms = [form('source', 'a', 5, 5)];
    await world.clock.advance(everyMs);
    expect(await queries('source')).toBe(5);
    world.metrics.onReleased(contextOf(42));
    expect((await world.scrape()).find(n('org_queries_total'))).toEqual([]);
  });
});

describe('a proxy’s traffic', () => {
  const counts = [0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 1];

  test('becomes a histogram with growing buckets, rare commands together', async () => {
    proxy.traffics = {
      pools: [{ side: 'source', homeRegion: null, used: 3, free: 2, limit: 10, errors: 1, queries: 9 }],
      refusals: [{ side: 'source', homeRegion: null, user: 'worker', count: 4 }],
      triggerErrors: [{ side: 'source', homeRegion: null, user: 'app', count: 2 }],
      commands: [
        { command: 'SELECT', sumUs: 20_003_000, counts },
        { command: 'SHOW', sumUs: 1, counts },
        { command: 'SET', sumUs: 1, counts },
      ],
    };
    sample();
    await world.clock.advance(1);
    const now = await world.scrape();
    const bucket = (command: string, le: string) =>
      now.value(n('proxy_query_duration_seconds_bucket'), { proxy: 'p1', command, le });
    expect([bucket('SELECT', '0.0005'), bucket('SELECT', '0.001'), bucket('SELECT', '10')]).toEqual([0, 3, 3]);
    expect([bucket('SELECT', '+Inf'), bucket('other', '+Inf')]).toEqual([4, 8]);
    expect(now.value(n('proxy_query_duration_seconds_sum'), { command: 'SELECT' })).toBeCloseTo(20.003);
    expect(now.value(n('proxy_connections'), { side: 'source', use: 'used' })).toBe(3);
    expect(now.value(n('proxy_connections_limit'), { side: 'source' })).toBe(10);
    expect(now.value(n('fence_refusals_total'), { proxy: 'p1', side: 'source', user: 'worker' })).toBe(4);
    expect(now.value(n('trigger_errors_total'), { proxy: 'p1', side: 'source', user: 'app' })).toBe(2);
  });

  test('is not shown of one that went silent', async () => {
    proxy.traffics = {
      pools: [{ side: 'source', homeRegion: null, used: 3, free: 2, limit: 10, errors: 1, queries: 9 }],
      commands: [],
      refusals: [],
      triggerErrors: [],
    };
    sample();
    await world.clock.advance(1);
    expect((await world.scrape()).find(n('proxy_connections'))).toHaveLength(2);
    proxy.traffics = null;
    await world.clock.advance(everyMs);
    expect((await world.scrape()).find(n('proxy_connections'))).toEqual([]);
  });
});

test('rounds over the proxies are shown by the controller that makes them, by no other', async () => {
  const world = new MetricsWorld();
  const named = async () =>
    (await world.scrape()).series.filter(({ name }) => /_(proxy_drift|proxy_shared_orgs|own_rules_orgs)$/.test(name));
  expect(await named()).toEqual([]);
  const drift = [{ kind: 'route', orgId: 42, expected: 'cluster', found: 'source', comment: null }] as const;
  world.upkeep = {
    atMs: 1,
    proxies: [{ name: 'p1', drift, drifts: 70, shared: 4_000, sharedDigest: 'abc' }],
    ownRules: [
      { reason: 'one', orgs: 3, orgIds: [1] },
      { reason: 'another', orgs: 4, orgIds: [2] },
    ],
  };
  expect((await named()).map(({ name, labels, value }) => [name, labels, value])).toEqual([
    ['bigdb_cutover_proxy_drift', { proxy: 'p1' }, 70],
    ['bigdb_cutover_proxy_shared_orgs', { proxy: 'p1' }, 4_000],
    ['bigdb_cutover_own_rules_orgs', {}, 7],
  ]);
  await world.metrics.stop();
});

test('a scrape asks nobody, and what cannot be sampled shows its age', async () => {
  let asked = 0;
  const store = {
    census: async () => {
      asked += 1;
      if (asked > 1) throw new StoreUnavailableError('count', new Error('gone'));
      return { active: [{ state: 'ready', homeRegion: 'eu-west-2', moves: 2, unowned: 1 }], ended: [], controllers: 2 };
    },
    frozen: async () => null,
  };
  world.startSampling({ store: store as never });
  await world.clock.advance(1);
  const first = await world.scrape();
  expect(first.value(n('migrations'), { state: 'ready' })).toBe(2);
  expect(first.value(n('migrations_unowned'))).toBe(1);
  for (let scrapes = 0; scrapes < 10; scrapes++) await world.scrape();
  expect(asked).toBe(1);
  await world.clock.advance(5 * everyMs);
  const last = await world.scrape();
  expect(last.find(n('migrations'))).toEqual([]);
  expect(last.find(n('migrations_unowned'))).toEqual([]);
  expect(last.value(n('sample_age_seconds'), { sample: 'store' })).toBeGreaterThanOrEqual(5);
  expect(last.value(n('sample_failures_total'), { sample: 'store' })).toBeGreaterThanOrEqual(4);
});

test('what takes its time is asked less often', async () => {
  let asked = 0;
  const census = async () => {
    asked += 1;
    await world.clock.sleep(500);
    return { active: [], ended: [], controllers: 1 };
  };
  world.startSampling({ store: { census, frozen: async () => null } as never });
  await world.clock.advance(60_000);
  expect(asked).toBe(3);
});

test('a quantile of means weighs each kind by its statements', () => {
  const kinds = [
    { count: 5, seconds: 1 },
    { count: 90, seconds: 0.1 },
    { count: 5, seconds: 0.5 },
  ];
  expect([0.5, 0.9, 0.95, 0.99].map((p) => quantileOfMeans(kinds, p))).toEqual([0.1, 0.1, 0.5, 1]);
  expect(quantileOfMeans([], 0.5)).toBeNull();
  expect(quantileOfMeans([{ count: 0, seconds: 3 }], 0.5)).toBeNull();
});

describe('waves', () => {
  const census = {
    id: 'w-1',
    state: 'paused',
    orgs: 12,
    stoppedBy: 'WAVE_STOPPED',
    moves: [{ phase: 'soaking', moves: 4 }],
  };

  test('show their orgs, their moves and why they stopped; a store that is silent shows none', async () => {
    let answer: () => Promise<(typeof census)[]> = async () => [census];
    const store = {
      census: async () => ({ active: [], ended: [], controllers: 1 }),
      frozen: async () => null,
      waveCensus: () => answer(),
    };
    world.startSampling({ store: store as never });
    await world.clock.advance(1);
    const values = async () => {
      const scrape = await world.scrape();
      return [
        scrape.value(n('wave_orgs'), { wave: 'w-1', state: 'paused' }),
        scrape.value(n('wave_moves'), { wave: 'w-1', phase: 'soaking' }),
        scrape.value(n('wave_stopped'), { wave: 'w-1', code: 'WAVE_STOPPED' }),
      ];
    };
    expect(await values()).toEqual([12, 4, 1]);
    answer = async () => [{ ...census, state: 'running', stoppedBy: null as never }];
    await world.clock.advance(everyMs);
    expect((await values())[2]).toBe(0);
    answer = async () => {
      throw new StoreUnavailableError('gone');
    };
    await world.clock.advance(everyMs);
    expect(await values()).toEqual([0, 0, 0]);
  });
});
