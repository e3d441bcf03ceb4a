import type { MigrationContext } from '../../statecharts/context.ts';
import type { EffectRun } from '../driver/handlers.ts';
import { ViewLostError } from '../errors/index.ts';
import { clusterOf, type Estate } from '../estate/estate.ts';
import { readSchema } from '../estate/schema.ts';
import { dropViews, type FlipAttempt, type PinnedViews } from '../flip/attempt.ts';
import type { TableShape } from '../ports/place.ts';
import type { Verification } from '../service/status.ts';
import type { ComparisonResult } from '../verification/index.ts';
import { untilStill } from './liveLooks.ts';

/**
 * Compares the cutover point on the pinned views where this controller still has them: an exact proof. Without them
 * the live sides are compared, until they agree or have stayed different.
 */
export async function verify(
  estate: Estate,
  attempt: FlipAttempt | undefined,
  run: EffectRun,
): Promise<{ outcome: 'equal' | 'different'; mismatches: number }> {
  const { migration } = run;
  try {
    const exact = await comparePinned(estate, migration, attempt?.views ?? null, run);
    const pinned = exact !== null;
    const result = exact ?? (await untilStill(estate.clock, run, () => compareLive(estate, migration, run)));
    const verification: Verification = {
      outcome: result.mismatches === 0 ? 'equal' : 'different',
      kind: pinned ? 'cutover-point' : 'live',
      rows: result.rows,
      mismatches: result.mismatches,
      at: new Date(estate.clock.nowMs()).toISOString(),
      sample: result.sample.map((mismatch) => ({ ...mismatch })),
    };
    await estate.store.putRecord(migration.migrationId, 'verification', verification);
    run.note(`compared ${result.rows} rows: ${result.mismatches} differ`, { ...verification });
    return { outcome: verification.outcome === 'equal' ? 'equal' : 'different', mismatches: result.mismatches };
  } finally {
    if (attempt !== undefined) await dropViews(attempt);
  }
}

/** The comparison of the cutover point; null where there are no views, or one was lost: that is no reason to go back. */
async function comparePinned(
  estate: Estate,
  migration: MigrationContext,
  views: PinnedViews | null,
  run: EffectRun,
): Promise<ComparisonResult | null> {
  if (views === null || views.source.length === 0 || views.cluster.length === 0) return null;
  try {
    return await compare(estate, migration, views, run.signal);
  } catch (error) {
    if (!(error instanceof ViewLostError)) throw error;
    run.note(`the proof of the cutover point is missing: ${error.message}; the live sides are compared`);
    return null;
  }
}

async function compare(estate: Estate, migration: MigrationContext, views: PinnedViews, signal: AbortSignal) {
  const { sites, cluster } = await readSchema(estate, migration.homeRegion);
  const site = sites[0]?.shapes ?? [];
  return estate.compareOrg({
    // On the way back the proof is that nothing of the cluster is missing: what only the sites have, nobody wrote meanwhile.
    source: {
      views: views.source,
      shapes: migration.direction === 'back' ? withoutExtras(site, cluster.shapes) : site,
    },
    target: { views: views.cluster, shapes: cluster.shapes },
    tables: estate.tables,
    orgId: migration.orgId,
    signal,
    monotonicMs: () => estate.clock.monotonicMs(),
  });
}

/** The tables with the columns that the other side has as well. */
function withoutExtras(shapes: readonly TableShape[], other: readonly TableShape[]): TableShape[] {
  return shapes.map((shape) => {
    const there = other.find(({ table }) => table === shape.table)?.columns ?? [];
    return { ...shape, columns: shape.columns.filter(({ name }) => there.some((column) => column.name === name)) };
  });
}

async function compareLive(estate: Estate, migration: MigrationContext, run: EffectRun): Promise<ComparisonResult> {
  const views: PinnedViews = {
    source: await estate.sites[0].openViews(1, run.signal),
    cluster: await clusterOf(estate, migration.homeRegion).openViews(1, run.signal),
  };
  try {
    return await compare(estate, migration, views, run.signal);
  } finally {
    await Promise.all([...views.source, ...views.cluster].map((view) => view.close()));
  }
}
