import type { Registry } from 'prom-client';
import type { Census, Store } from '../ports/store.ts';
import { gauge } from './registry.ts';
import { type Sample, sampleLimitMs } from './sampler.ts';

/** All moves, whoever owns them, as every controller finds them in the store: the same figures from each. */
export function censusSample(
  registry: Registry,
  store: Pick<Store, 'census' | 'frozen'>,
  { leaseMs, everyMs }: { readonly leaseMs: number; readonly everyMs: number },
): Sample {
  let census: Census | null = null;
  let frozen: boolean | null = null;
  gauge(
    registry,
    {
      name: 'migrations',
      help: 'Moves in the store by state, whoever owns them; those that ended have no home region here',
      labels: ['state', 'home_region'],
    },
    (metric) => {
      for (const { state, homeRegion, moves } of census?.active ?? []) {
        metric.set({ state, home_region: homeRegion }, moves);
      }
      for (const { state, moves } of census?.ended ?? []) metric.set({ state, home_region: '' }, moves);
    },
  );
  gauge(
    registry,
    { name: 'migrations_unowned', help: 'Moves that have not ended and have no living controller' },
    (metric) => {
      if (census !== null) metric.set(census.active.reduce((sum, { unowned }) => sum + unowned, 0));
    },
  );
  gauge(registry, { name: 'controllers', help: 'Controllers that share the store and live' }, (metric) => {
    if (census !== null) metric.set(census.controllers);
  });
  gauge(registry, { name: 'frozen', help: '1 while nothing starts and no flip begins' }, (metric) => {
    if (frozen !== null) metric.set(frozen ? 1 : 0);
  });
  return {
    name: 'store',
    everyMs,
    limitMs: sampleLimitMs,
    async take() {
      // Figures of a store that does not answer any more are nobody's.
      [census, frozen] = await Promise.all([
        store.census(leaseMs),
        store.frozen().then((freeze) => freeze !== null),
      ]).catch((error: unknown) => {
        census = null;
        frozen = null;
        throw error;
      });
    },
  };
}
