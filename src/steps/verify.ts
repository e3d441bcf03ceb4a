import type { EffectRun } from '../driver/handlers.ts';
import { ViewLostError } from '../errors/index.ts';
import { compareSides, type SideViews } from '../estate/compareSides.ts';
import type { Estate } from '../estate/estate.ts';
import { dropViews, type FlipAttempt } from '../flip/attempt.ts';
import { expectedRows } from '../proof/expectedRows.ts';
import { Notes } from '../proof/notes.ts';
import { proveNow, storeVerification } from '../proof/prove.ts';
import type { ComparisonResult } from '../verification/index.ts';
import { compareBack } from './compareBack.ts';

/**
 * Compares the cutover point on the pinned views where this controller still has them: an exact proof. Without them
 * the live sides are compared, until they agree or differ in a way that the lag does not explain.
 */
export async function verify(
  estate: Estate,
  attempt: FlipAttempt | undefined,
  run: EffectRun,
): Promise<{ outcome: 'equal' | 'different'; mismatches: number }> {
  try {
    const startedAtMs = estate.clock.nowMs();
    const exact = await comparePinned(estate, attempt?.views ?? null, run);
    if (exact !== null) return outcome(await storeVerification(estate, run, 'cutover-point', startedAtMs, exact));
    if (run.migration.direction !== 'back') return outcome(await proveNow(estate, run, run.signal));
    return outcome(await storeVerification(estate, run, 'live', startedAtMs, await compareBack(estate, run)));
  } finally {
    if (attempt !== undefined) await dropViews(attempt);
  }
}

function outcome({ mismatches }: { readonly mismatches: number }) {
  return { outcome: mismatches === 0 ? ('equal' as const) : ('different' as const), mismatches };
}

/** The comparison of the cutover point; null where there are no views, or one was lost: that is no reason to go back. */
async function comparePinned(
  estate: Estate,
  views: SideViews | null,
  run: EffectRun,
): Promise<ComparisonResult | null> {
  const { migration, signal } = run;
  if (views === null || views.source.length === 0 || views.cluster.length === 0) return null;
  const notes = new Notes(estate, run, 'cutover-point');
  try {
    return await compareSides(estate, migration, views, signal, {
      expectedRows: await expectedRows(estate, migration.migrationId),
      onProgress: (progress) => notes.progress(progress),
    });
  } catch (error) {
    if (!(error instanceof ViewLostError)) throw error;
    run.note(`the proof of the cutover point is missing: ${error.message}; the live sides are compared`);
    return null;
  } finally {
    await notes.ended();
  }
}
