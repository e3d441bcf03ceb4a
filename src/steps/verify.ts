import type { MigrationContext } from '../../statecharts/context.ts';
import type { EffectRun } from '../driver/handlers.ts';
import { ViewLostError } from '../errors/index.ts';
import { compareSides, type SideViews, withLiveViews } from '../estate/compareSides.ts';
import type { Estate } from '../estate/estate.ts';
import { dropViews, type FlipAttempt } from '../flip/attempt.ts';
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
    const live = () =>
      withLiveViews(estate, migration, run.signal, (views) => compareSides(estate, migration, views, run.signal));
    const result = exact ?? (await untilStill(estate.clock, run, live));
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
  views: SideViews | null,
  run: EffectRun,
): Promise<ComparisonResult | null> {
  if (views === null || views.source.length === 0 || views.cluster.length === 0) return null;
  try {
    return await compareSides(estate, migration, views, run.signal);
  } catch (error) {
    if (!(error instanceof ViewLostError)) throw error;
    run.note(`the proof of the cutover point is missing: ${error.message}; the live sides are compared`);
    return null;
  }
}
