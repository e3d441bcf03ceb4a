import type { EffectRun } from '../driver/handlers.ts';
import { ViewLostError } from '../errors/index.ts';
import type { Estate } from '../estate/estate.ts';
import type { Checkpoint, ComparisonResult, RowRef, TellDifferences } from '../verification/index.ts';
import { type Between, type PairViews, siteAndCluster } from './between.ts';
import { expectedRows } from './expectedRows.ts';
import { lookAgain, type Suspected } from './lookAgain.ts';
import { Notes, type Suspect, unfinished } from './notes.ts';

/** Rows that were not the same at their first look; more cannot be on their way alone. */
const suspectsAtMost = 5_000;
/** Comparisons of everything, where that many rows are not the same, until it counts. */
const passesAtMost = 5;
/** Read views are opened anew so often (milliseconds): an old one keeps the server from clearing up behind others. */
const viewsForMs = 60_000;
/** Views lost one after the other, without a chunk between them, before that is the comparison's failure. */
const lostInARow = 5;

/** Where a row is found again: at the task's site and at the cluster, or at another site. */
export type SampleRow = RowRef & { readonly otherSite?: string | undefined };

/** What the comparison of the live sides found. */
export interface LiveResult extends Pick<ComparisonResult, 'rows' | 'mismatches' | 'exact' | 'sample'> {
  readonly sampleRows: readonly SampleRow[];
  /** All that differ; null where there are too many to name. */
  readonly differing: readonly Suspect[] | null;
}

/** Ends a slice of the comparison, with everything before it kept. */
class SliceOver extends Error {}
class TooManySuspects extends Error {}

/**
 * Compares the live sides. Rows move meanwhile: those that are not the same are looked at again, alone, until they
 * agree, or differ in a way that the lag does not explain. Goes on where an earlier owner was cut off.
 */
export async function compareLive(
  estate: Estate,
  run: EffectRun,
  signal: AbortSignal,
  between: Between = siteAndCluster(estate, run.migration),
): Promise<LiveResult> {
  const resumed = await unfinished(estate, run.migration, between.otherSite);
  if (resumed !== null) run.note(`the comparison goes on behind ${resumed.progress?.rows ?? 0} rows`);
  for (let pass = 1; ; pass++) {
    const notes = new Notes(estate, run, 'live', between.otherSite, pass === 1 ? resumed : null);
    const found = await onePass(estate, run, signal, notes, between);
    if (found.suspects !== null) {
      const suspected = await lookAgain(estate, run, found.suspects, signal, between);
      await notes.ended();
      return resultOf(found.result, suspected);
    }
    await notes.ended();
    if (pass === passesAtMost) return { ...found.result, differing: null };
    run.waitsFor(`the comparison: ${found.result.mismatches} rows or more are not the same; all are compared again`);
    await between.arrival(run, signal);
  }
}

function resultOf(result: ComparisonResult, { differing, sample, rows }: Suspected): LiveResult {
  const sampleRows = rows
    .slice(0, sample.length)
    .map(({ table, name, source, target }) => ({ table, name, source, target }));
  return { rows: result.rows, mismatches: differing, exact: true, sample, sampleRows, differing: rows };
}

/** Compares all rows once; `suspects` is null where too many rows are not the same, or not all of them were told. */
async function onePass(
  estate: Estate,
  run: EffectRun,
  signal: AbortSignal,
  notes: Notes,
  between: Between,
): Promise<{ result: ComparisonResult; suspects: readonly Suspect[] | null }> {
  const suspects: Suspect[] = [...notes.note.suspects];
  const tell: TellDifferences = async (pair, differences) => {
    if (suspects.length + differences.length > suspectsAtMost) throw new TooManySuspects('too many rows differ');
    for (const { name, source, target } of differences) {
      suspects.push({
        table: pair.table,
        name,
        source: source === null ? null : [...source],
        target: target === null ? null : [...target],
        key: { ...pair.describeKey(name) },
      });
    }
  };
  try {
    const result = await inSlices(estate, run, signal, notes, between, suspects, tell);
    return { result, suspects: result.mismatches > suspects.length ? null : suspects };
  } catch (error) {
    if (!(error instanceof TooManySuspects)) throw error;
    // For the counts and a sample. Its note says nothing of rows, so nobody may go on from it.
    await notes.ended();
    const counting = new Notes(estate, run, 'live', between.otherSite);
    try {
      return { result: await inSlices(estate, run, signal, counting, between, []), suspects: null };
    } finally {
      await counting.ended();
    }
  }
}

/** One comparison on views that are opened anew now and then, also where one was lost. */
async function inSlices(
  estate: Estate,
  run: EffectRun,
  signal: AbortSignal,
  notes: Notes,
  between: Between,
  suspects: readonly Suspect[],
  tell?: TellDifferences,
): Promise<ComparisonResult> {
  const { migration } = run;
  const what = between.otherSite === null ? 'the comparison' : 'the comparison of the sites';
  const rows = await expectedRows(estate, migration.migrationId);
  let checkpoint: Checkpoint | null = notes.note.checkpoint;
  for (let lost = 0; ; ) {
    const openedAtMs = estate.clock.monotonicMs();
    const before = checkpoint;
    try {
      const slice = async (views: PairViews) =>
        estate.compareOrg({
          ...(await between.sides(views)),
          tables: estate.tables,
          orgId: migration.orgId,
          signal,
          monotonicMs: () => estate.clock.monotonicMs(),
          expectedRows: rows,
          resumeFrom: before ?? undefined,
          onDifferences: tell,
          pace: () => estate.comparisons.pace(migration, between.places, run.waitsFor, signal),
          onProgress: (progress) => {
            notes.progress(progress);
            run.waitsFor(`${what}: ${progress.rows} rows of ${progress.rowsExpected ?? 'all'}`);
          },
          onCheckpoint: async (passed) => {
            checkpoint = passed;
            await notes.passed(passed, suspects);
            if (estate.clock.monotonicMs() - openedAtMs > viewsForMs) throw new SliceOver('the views are old');
          },
        });
      return await between.withViews(signal, slice, estate.comparisons.limits.viewsPerSide);
    } catch (error) {
      signal.throwIfAborted();
      lost = checkpoint === before ? lost + 1 : 0;
      if (error instanceof SliceOver) continue;
      if (!(error instanceof ViewLostError) || lost >= lostInARow) throw error;
      run.note(`a read view was lost: ${error.message}; the comparison goes on with a new one`);
    }
  }
}
