import type { Registry } from 'prom-client';
import type { FleetProxy } from '../ports/routing.ts';
import { type CommandTimes, commandBoundsUs, type ProxyTraffic, type TrafficSide } from '../ports/traffic.ts';
import { type Brackets, bracketHistogram } from './bracketHistogram.ts';
import { counter, gauge } from './registry.ts';
import { type Sample, sampleLimitMs } from './sampler.ts';

/** Commands with series of their own; all others are one. */
const shown: ReadonlySet<string> = new Set(['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'REPLACE', 'COMMIT']);
const usPerSecond = 1_000_000;

/** Pools of connections and times of statements, as each proxy counts them. */
export function trafficSample(registry: Registry, proxies: readonly FleetProxy[], everyMs: number): Sample {
  const byProxy = new Map<string, ProxyTraffic>();
  const pools = () =>
    [...byProxy].flatMap(([proxy, traffic]) =>
      traffic.pools.map((pool) => ({ pool, labels: { proxy, ...sideLabels(pool) } })),
    );
  const labels = ['proxy', 'side', 'home_region'];
  gauge(
    registry,
    {
      name: 'proxy_connections',
      help: 'Connections of a proxy to the servers of a side, in use and free; held: of hold hostgroups let through',
      labels: [...labels, 'use'],
    },
    (metric) => {
      for (const each of pools()) {
        metric.set({ ...each.labels, use: 'used' }, each.pool.used);
        metric.set({ ...each.labels, use: 'free' }, each.pool.free);
      }
    },
  );
  gauge(
    registry,
    { name: 'proxy_connections_limit', help: 'Sum of max_connections of the servers of a side at a proxy', labels },
    (metric) => {
      for (const each of pools()) if (each.pool.limit > 0) metric.set(each.labels, each.pool.limit);
    },
  );
  counter(
    registry,
    { name: 'proxy_connect_errors_total', help: 'Connections to a side that a proxy could not make', labels },
    (metric) => {
      for (const each of pools()) metric.inc(each.labels, each.pool.errors);
    },
  );
  counter(registry, { name: 'proxy_queries_total', help: 'Queries that a proxy sent to a side', labels }, (metric) => {
    for (const each of pools()) metric.inc(each.labels, each.pool.queries);
  });
  counter(
    registry,
    {
      name: 'fence_refusals_total',
      help: 'Writes of a user that the fence of a side refused, as a proxy counts them: who still writes an org where it is not served',
      labels: [...labels, 'user'],
    },
    (metric) => {
      for (const [proxy, { refusals }] of byProxy) {
        for (const each of refusals) metric.inc({ proxy, ...sideLabels(each), user: each.user }, each.count);
      }
    },
  );
  counter(
    registry,
    {
      name: 'trigger_errors_total',
      help: 'Writes of a user that failed because a site keeps a table with triggers half read, as a proxy counts them',
      labels: [...labels, 'user'],
    },
    (metric) => {
      for (const [proxy, { triggerErrors }] of byProxy) {
        for (const each of triggerErrors) metric.inc({ proxy, ...sideLabels(each), user: each.user }, each.count);
      }
    },
  );
  bracketHistogram(
    registry,
    {
      name: 'proxy_query_duration_seconds',
      help: 'Duration of statements as a proxy counts them, all orgs and sides together, waiting in a hold included',
      labels: ['proxy', 'command'],
    },
    commandBoundsUs.map((us) => us / usPerSecond),
    () => [...byProxy].flatMap(([proxy, { commands }]) => durations(proxy, commands)),
  );
  return {
    name: 'traffic',
    everyMs,
    limitMs: sampleLimitMs,
    async take(signal) {
      await Promise.all(
        proxies.map(async (proxy) => {
          // What a proxy said before it went silent is not how it is.
          const traffic = await proxy.traffic(signal).catch(() => null);
          if (traffic === null) byProxy.delete(proxy.name);
          else byProxy.set(proxy.name, traffic);
        }),
      );
      signal.throwIfAborted();
    },
  };
}

export function sideLabels({ side, homeRegion }: TrafficSide) {
  return { side, home_region: homeRegion ?? '' };
}

function durations(proxy: string, commands: readonly CommandTimes[]): Brackets[] {
  const sums = new Map<string, { counts: number[]; sumUs: number }>();
  for (const { command, counts, sumUs } of commands) {
    const name = shown.has(command) ? command : 'other';
    const sum = sums.get(name) ?? { counts: counts.map(() => 0), sumUs: 0 };
    sums.set(name, { counts: sum.counts.map((count, i) => count + (counts[i] ?? 0)), sumUs: sum.sumUs + sumUs });
  }
  return [...sums].map(([command, { counts, sumUs }]) => ({
    labels: { proxy, command },
    counts,
    sumSeconds: sumUs / usPerSecond,
  }));
}
