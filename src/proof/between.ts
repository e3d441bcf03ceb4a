import type { MigrationContext } from '../../statecharts/context.ts';
import type { EffectRun } from '../driver/handlers.ts';
import { sidesOf, withLiveViews, withViewsOf } from '../estate/compareSides.ts';
import { clusterOf, type Estate } from '../estate/estate.ts';
import { readSchema } from '../estate/schema.ts';
import type { Place, ReadView } from '../ports/place.ts';
import type { ComparedSide } from '../verification/index.ts';
import { arrival, siteArrival } from './arrival.ts';

/** Views of two live sides; `source` is the task's site. */
export interface PairViews {
  readonly source: readonly ReadView[];
  readonly target: readonly ReadView[];
}

/** Two live sides that are compared, and what proves that rows have travelled between them. */
export interface Between {
  /** The other site; null where it is the cluster. */
  readonly otherSite: string | null;
  readonly places: readonly [source: Place, target: Place];
  /** Rows go from this side to the other; where they go both ways, from either. */
  readonly leads: 'source' | 'target';
  withViews<T>(signal: AbortSignal, work: (views: PairViews) => Promise<T>, count?: number): Promise<T>;
  sides(views: PairViews): Promise<{ readonly source: ComparedSide; readonly target: ComparedSide }>;
  /** Resolves when everything that either side had at its beginning, and that travels, has arrived at the other. */
  arrival(run: EffectRun, signal: AbortSignal): Promise<void>;
}

/** The task's site and the org's cluster. */
export function siteAndCluster(estate: Estate, migration: MigrationContext): Between {
  return {
    otherSite: null,
    places: [estate.sites[0], clusterOf(estate, migration.homeRegion)],
    leads: migration.serving === 'cluster' ? 'target' : 'source',
    withViews: (signal, work, count = 1) =>
      withLiveViews(estate, migration, signal, ({ source, cluster }) => work({ source, target: cluster }), count),
    sides: ({ source, target }) => sidesOf(estate, migration, { source, cluster: target }),
    arrival: (run, signal) => arrival(estate, run, signal),
  };
}

/** The task's site and another one, which replicate to each other. */
export function twoSites(estate: Estate, migration: MigrationContext, other: Place): Between {
  const places = [estate.sites[0], other] as const;
  return {
    otherSite: other.name,
    places,
    leads: 'source',
    withViews: (signal, work, count = 1) =>
      withViewsOf(places, signal, (source, target) => work({ source, target }), count),
    async sides({ source, target }) {
      const { sites } = await readSchema(estate, migration.homeRegion);
      const shapesOf = (place: Place) => sites.find((site) => site.place === place.name)?.shapes ?? [];
      return {
        source: { views: source, shapes: shapesOf(places[0]) },
        target: { views: target, shapes: shapesOf(other) },
      };
    },
    arrival: (run, signal) => siteArrival(estate, run, places, signal),
  };
}
