import type { Registry } from 'prom-client';
import type { OrgTable, Place } from '../ports/place.ts';
import type { PlaceLoad, TableSize } from '../ports/traffic.ts';
import { gauge } from './registry.ts';
import { type Sample, sampleLimitMs } from './sampler.ts';

type Asked = Pick<Place, 'name' | 'kind' | 'homeRegion' | 'load' | 'storage'>;

/** Sites and clusters: whether they answer, their connections, and the sizes of the tables that move. */
export function placeSamples(
  registry: Registry,
  places: readonly Asked[],
  tables: readonly OrgTable[],
  { everyMs, storageEveryMs }: { readonly everyMs: number; readonly storageEveryMs: number },
): readonly Sample[] {
  const loads = new Map<Asked, PlaceLoad | null>();
  const sizes = new Map<Asked, readonly TableSize[]>();
  const labels = ['place', 'kind', 'home_region'];
  gauge(registry, { name: 'place_up', help: '1 while a site or cluster answers', labels }, (metric) => {
    for (const [place, load] of loads) metric.set(labelsOf(place), load === null ? 0 : 1);
  });
  gauge(
    registry,
    {
      name: 'place_connections',
      help: 'Connections of everybody at a site or cluster, and those that run a statement',
      labels: [...labels, 'use'],
    },
    (metric) => {
      for (const [place, load] of loads) {
        if (load === null) continue;
        metric.set({ ...labelsOf(place), use: 'connected' }, load.connected);
        metric.set({ ...labelsOf(place), use: 'running' }, load.running);
      }
    },
  );
  gauge(registry, { name: 'place_connections_limit', help: 'max_connections of the server', labels }, (metric) => {
    for (const [place, load] of loads) if (load !== null) metric.set(labelsOf(place), load.limit);
  });
  gauge(
    registry,
    {
      name: 'place_table_bytes',
      help: 'Size of an org-owned table by the server’s statistics: data, index, and allocated but free',
      labels: [...labels, 'table', 'part'],
    },
    (metric) => {
      for (const [place, found] of sizes) {
        for (const { table, dataBytes, indexBytes, freeBytes } of found) {
          const of = { ...labelsOf(place), table };
          metric.set({ ...of, part: 'data' }, dataBytes);
          metric.set({ ...of, part: 'index' }, indexBytes);
          metric.set({ ...of, part: 'free' }, freeBytes);
        }
      }
    },
  );
  return [
    {
      name: 'places',
      everyMs,
      limitMs: sampleLimitMs,
      async take(signal) {
        await Promise.all(places.map(async (place) => loads.set(place, await place.load(signal).catch(() => null))));
      },
    },
    {
      name: 'storage',
      everyMs: storageEveryMs,
      limitMs: storageEveryMs,
      async take(signal) {
        const failed: unknown[] = [];
        for (const place of places) {
          await place.storage(tables, signal).then(
            (found) => sizes.set(place, found),
            (error: unknown) => failed.push(error),
          );
        }
        if (failed.length > 0) throw failed[0];
      },
    },
  ];
}

function labelsOf({ name, kind, homeRegion }: Asked) {
  return { place: name, kind, home_region: homeRegion ?? '' };
}
