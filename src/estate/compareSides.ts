import type { MigrationContext } from '../../statecharts/context.ts';
import type { Place, ReadView, TableShape } from '../ports/place.ts';
import type { ComparedSide, CompareOrgOptions, ComparisonResult } from '../verification/index.ts';
import { clusterOf, type Estate } from './estate.ts';
import { readSchema } from './schema.ts';

/** Read views of both sides. */
export interface SideViews {
  readonly source: readonly ReadView[];
  readonly cluster: readonly ReadView[];
}

type Moving = Pick<MigrationContext, 'homeRegion' | 'orgId' | 'direction' | 'lossAccepted' | 'serving'>;

/** Both sides as a comparison takes them. */
export async function sidesOf(
  estate: Estate,
  { homeRegion, direction, lossAccepted }: Moving,
  views: SideViews,
): Promise<{ readonly source: ComparedSide; readonly target: ComparedSide }> {
  const { sites, cluster } = await readSchema(estate, homeRegion);
  const site = sites[0]?.shapes ?? [];
  // On the way back the proof is that nothing of the cluster is missing: what only the sites have, nobody wrote meanwhile.
  const back = direction === 'back' || lossAccepted;
  return {
    source: { views: views.source, shapes: back ? withoutExtras(site, cluster.shapes) : site },
    target: { views: views.cluster, shapes: cluster.shapes },
  };
}

/** Compares the org's rows in the views of both sides. */
export async function compareSides(
  estate: Estate,
  migration: Moving,
  views: SideViews,
  signal: AbortSignal,
  options: Partial<CompareOrgOptions> = {},
): Promise<ComparisonResult> {
  return estate.compareOrg({
    ...(await sidesOf(estate, migration, views)),
    tables: estate.tables,
    orgId: migration.orgId,
    signal,
    monotonicMs: () => estate.clock.monotonicMs(),
    ...options,
  });
}

/** The tables with the columns that the other side has as well. */
function withoutExtras(shapes: readonly TableShape[], other: readonly TableShape[]): TableShape[] {
  return shapes.map((shape) => {
    const there = other.find(({ table }) => table === shape.table)?.columns ?? [];
    return { ...shape, columns: shape.columns.filter(({ name }) => there.some((column) => column.name === name)) };
  });
}

/** Runs the work on views of each live side, and closes them. The side that leads is looked at first. */
export async function withLiveViews<T>(
  estate: Estate,
  { homeRegion, serving }: Pick<MigrationContext, 'homeRegion' | 'serving'>,
  signal: AbortSignal,
  work: (views: SideViews) => Promise<T>,
  count = 1,
): Promise<T> {
  const site = estate.sites[0];
  const cluster = clusterOf(estate, homeRegion);
  return serving === 'cluster'
    ? withViewsOf([cluster, site], signal, (leading, following) => work({ source: following, cluster: leading }), count)
    : withViewsOf(
        [site, cluster],
        signal,
        (leading, following) => work({ source: leading, cluster: following }),
        count,
      );
}

/** Runs the work on views of two places, opened one after the other, and closes them. */
export async function withViewsOf<T>(
  [first, second]: readonly [Place, Place],
  signal: AbortSignal,
  work: (first: readonly ReadView[], second: readonly ReadView[]) => Promise<T>,
  count: number,
): Promise<T> {
  const leading = await first.openViews(count, signal);
  let following: readonly ReadView[] = [];
  try {
    following = await second.openViews(count, signal);
    return await work(leading, following);
  } finally {
    await Promise.all([...leading, ...following].map((view) => view.close()));
  }
}
