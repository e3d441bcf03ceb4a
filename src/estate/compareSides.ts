import type { MigrationContext } from '../../statecharts/context.ts';
import type { ReadView, TableShape } from '../ports/place.ts';
import type { ComparisonResult, TellDifferences } from '../verification/index.ts';
import { clusterOf, type Estate } from './estate.ts';
import { readSchema } from './schema.ts';

/** Read views of both sides. */
export interface SideViews {
  readonly source: readonly ReadView[];
  readonly cluster: readonly ReadView[];
}

/** Compares the org's rows in the views of both sides; tells every row that differs to whom it may concern. */
export async function compareSides(
  estate: Estate,
  { homeRegion, orgId, direction, lossAccepted }: MigrationContext,
  views: SideViews,
  signal: AbortSignal,
  onDifferences?: TellDifferences,
): Promise<ComparisonResult> {
  const { sites, cluster } = await readSchema(estate, homeRegion);
  const site = sites[0]?.shapes ?? [];
  // On the way back the proof is that nothing of the cluster is missing: what only the sites have, nobody wrote meanwhile.
  const back = direction === 'back' || lossAccepted;
  return estate.compareOrg({
    source: { views: views.source, shapes: back ? withoutExtras(site, cluster.shapes) : site },
    target: { views: views.cluster, shapes: cluster.shapes },
    tables: estate.tables,
    orgId,
    signal,
    monotonicMs: () => estate.clock.monotonicMs(),
    onDifferences,
  });
}

/** The tables with the columns that the other side has as well. */
function withoutExtras(shapes: readonly TableShape[], other: readonly TableShape[]): TableShape[] {
  return shapes.map((shape) => {
    const there = other.find(({ table }) => table === shape.table)?.columns ?? [];
    return { ...shape, columns: shape.columns.filter(({ name }) => there.some((column) => column.name === name)) };
  });
}

/** Runs the work on one view of each live side, and closes them. */
export async function withLiveViews<T>(
  estate: Estate,
  { homeRegion }: Pick<MigrationContext, 'homeRegion'>,
  signal: AbortSignal,
  work: (views: SideViews) => Promise<T>,
): Promise<T> {
  const source = await estate.sites[0].openViews(1, signal);
  let cluster: SideViews['cluster'] = [];
  try {
    cluster = await clusterOf(estate, homeRegion).openViews(1, signal);
    return await work({ source, cluster });
  } finally {
    await Promise.all([...source, ...cluster].map((view) => view.close()));
  }
}
