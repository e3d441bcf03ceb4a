import type { EffectRun } from '../driver/handlers.ts';
import { ViewLostError } from '../errors/index.ts';
import { type SideViews, withLiveViews } from '../estate/compareSides.ts';
import type { Estate } from '../estate/estate.ts';
import { dropViews, type FlipAttempt } from '../flip/attempt.ts';
import { storeVerification } from '../proof/prove.ts';
import type { Verification } from '../service/status.ts';
import { proveFile } from './proveFile.ts';
import { keepFile } from './record.ts';
import { type Part, type Written, writeRows } from './writeRows.ts';

/** How often views of the live sides are opened anew where somebody's DDL takes them away. */
const viewTries = 5;

/** Before anything is thrown away: what has not travelled by now. The sides go on moving; `exportLast` is exact. */
export async function exportBefore(estate: Estate, run: EffectRun): Promise<void> {
  const written = await onLiveViews(estate, run, (views) => writeRows(estate, run, 'before', views, 'live'));
  await tell(estate, run, 'before', written);
}

/**
 * The cluster is closed to everybody, and no task reads it: what it has and the sites have not is written down for
 * good, from the moment of the flip where its views are still there. Only what is proven to stand in the file may be
 * deleted at the cluster afterwards.
 */
export async function exportLast(estate: Estate, attempt: FlipAttempt | undefined, run: EffectRun): Promise<void> {
  try {
    const work = (viewsAre: Verification['kind']) => async (views: SideViews) => {
      const written = await writeRows(estate, run, 'exact', views, viewsAre);
      const startedAtMs = estate.clock.nowMs();
      const result = await proveFile(estate, run, written.path, views);
      await storeVerification(estate, run, viewsAre, startedAtMs, result);
      return written;
    };
    const atCutover = await onSideViews(attempt?.views ?? null, run, work('cutover-point'));
    await tell(estate, run, 'exact', atCutover ?? (await onLiveViews(estate, run, work('live'))));
  } finally {
    if (attempt !== undefined) await dropViews(attempt);
  }
}

/** Null where there are no views of the flip, or one was lost: the cluster is closed, so nothing is lost with them. */
async function onSideViews<T>(
  views: SideViews | null,
  run: EffectRun,
  work: (views: SideViews) => Promise<T>,
): Promise<T | null> {
  if (views === null || views.source.length === 0 || views.cluster.length === 0) return null;
  try {
    return await work(views);
  } catch (error) {
    if (!(error instanceof ViewLostError)) throw error;
    run.note(
      `the views of the flip are lost: ${error.message}; rows that the sites changed since are exported as well`,
    );
    return null;
  }
}

async function onLiveViews<T>(estate: Estate, run: EffectRun, work: (views: SideViews) => Promise<T>): Promise<T> {
  for (let tried = 1; ; tried++) {
    try {
      return await withLiveViews(estate, run.migration, run.signal, work);
    } catch (error) {
      if (!(error instanceof ViewLostError) || tried >= viewTries) throw error;
      run.note(`the export begins again: ${error.message}`);
    }
  }
}

async function tell(estate: Estate, run: EffectRun, part: Part, { path, tally }: Written): Promise<void> {
  const { host } = estate.exportFiles;
  const { rows, kinds, tables } = tally;
  await keepFile(estate, run.migration.migrationId, {
    part,
    path,
    host,
    rows,
    kinds: { ...kinds },
    at: new Date(estate.clock.nowMs()).toISOString(),
  });
  const what = part === 'before' ? 'have not travelled back' : 'stay behind';
  run.note(`${rows} rows that ${what} stand in ${path} on ${host}`, { part, path, host, rows, kinds, tables });
}
