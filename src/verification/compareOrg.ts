import { systemClock } from '../adapters/clock.ts';
import { planTable } from '../adapters/comparison/plan.ts';
import { checkSession } from '../adapters/comparison/session.ts';
import { makePair } from '../adapters/comparison/sqlChunkSide.ts';
import type { OrgTable, ReadView, TableShape } from '../ports/place.ts';
import { compareAligned, type Walk } from './alignedTable.ts';
import { ChunkSize } from './chunkSize.ts';
import type { Key, TablePair } from './chunks.ts';
import { CheckpointMismatchError } from './errors.ts';
import { Sample, TableFindings, type TellDifferences } from './findings.ts';
import { compareHashed } from './hashedTable.ts';
import type { Checkpoint, ComparisonProgress, ComparisonResult, TableComparison } from './result.ts';
import { Stop, ViewPool } from './viewPool.ts';

/** One side of a comparison. More views let more chunks run at a time; at least one. */
export interface ComparedSide {
  /** Pinned views of one moment, or connections to the live side. They stay the caller's, who closes them. */
  readonly views: readonly ReadView[];
  readonly shapes: readonly TableShape[];
}

export interface CompareOrgOptions {
  readonly source: ComparedSide;
  readonly target: ComparedSide;
  readonly tables: readonly OrgTable[];
  readonly orgId: number;
  /** Ends the comparison with its reason, after the statements that run; no view is in use any more then. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: ComparisonProgress) => void) | undefined;
  /** Rows of the org by table, as counted before; without them there is no ETA. */
  readonly expectedRows?: ReadonlyMap<string, number> | undefined;
  /** Asked before each chunk, to slow the comparison down under load or lag: resolves when it may go on. */
  readonly pace?: ((signal: AbortSignal | undefined) => Promise<void>) | undefined;
  /** Where an interrupted comparison of the live sides goes on. */
  readonly resumeFrom?: Checkpoint | undefined;
  /** Told after each chunk where a comparison could go on from; awaited. */
  readonly onCheckpoint?: ((checkpoint: Checkpoint) => Promise<void>) | undefined;
  /** Mismatches described in the result (default 100). */
  readonly sampleLimit?: number | undefined;
  /** Differing rows looked up per table before only counts go on (default 10,000). */
  readonly locateLimit?: number | undefined;
  /** Where given, every row that differs is looked up, whatever `locateLimit` says, and told. */
  readonly onDifferences?: TellDifferences | undefined;
  /** Monotonic milliseconds (default: this process's). */
  readonly monotonicMs?: (() => number) | undefined;
}

const SAMPLE_LIMIT = 100;
const LOCATE_LIMIT = 10_000;

/** The comparison as who needs it is given it. */
export type CompareOrg = (options: CompareOrgOptions) => Promise<ComparisonResult>;

/**
 * Compares an org's rows on two sides, table by table, down to the rows and columns that differ. Checksums are
 * computed in the databases; no value but those of keys (and of JSON columns, in passing) leaves them.
 *
 * Throws `IncomparableTableError` or `UnorderableKeyError` before anything is read where a table cannot be compared.
 */
export async function compareOrg(options: CompareOrgOptions): Promise<ComparisonResult> {
  const { orgId, signal, tables, resumeFrom } = options;
  const monotonicMs = options.monotonicMs ?? systemClock.monotonicMs;
  const startedMs = monotonicMs();
  const plans = tables.map((table) => planTable(table, options.source.shapes, options.target.shapes));
  if (resumeFrom !== undefined) checkCheckpoint(resumeFrom, options);

  const stop = new Stop(signal);
  const sides = {
    source: new ViewPool(options.source.views, stop),
    target: new ViewPool(options.target.views, stop),
  };
  await Promise.all([
    ...options.source.views.map((view) => checkSession('source', view)),
    ...options.target.views.map((view) => checkSession('target', view)),
  ]);

  const sample = new Sample(options.sampleLimit ?? SAMPLE_LIMIT, resumeFrom?.sample);
  const done: TableComparison[] = [...(resumeFrom?.done ?? [])];
  const rowsBefore = [...done, ...(resumeFrom?.current ? [resumeFrom.current] : [])].reduce(sumRows, 0);

  for (const plan of plans) {
    const pair = makePair(plan, sides, orgId, monotonicMs);
    if (done.some((table) => table.table === pair.table)) continue;
    const resumed = resumeFrom?.current?.table === pair.table ? resumeFrom.current : undefined;
    const findings = new TableFindings(
      pair,
      sample,
      { located: options.locateLimit ?? LOCATE_LIMIT, tell: options.onDifferences },
      resumed,
    );
    await compareTable(pair, findings, resumed?.after ?? null, {
      size: new ChunkSize(pair.heavy),
      // One more than there are views: the next chunk is cut while the last one still runs on the other side.
      depth: Math.min(sides.source.size, sides.target.size) + 1,
      pace: async () => {
        stop.throwIfStopped();
        await options.pace?.(signal)?.catch((error: unknown) => {
          stop.because(error);
          throw error;
        });
      },
      progress: () => options.onProgress?.(progressOf(findings)),
      comparedUpTo: async (after) => {
        await options.onCheckpoint?.({
          version: 1,
          orgId,
          done: [...done],
          current: { ...findings.comparison, after: [...after] },
          sample: [...sample.mismatches],
        });
      },
    });
    done.push(findings.comparison);
    await options.onCheckpoint?.({ version: 1, orgId, done: [...done], current: null, sample: [...sample.mismatches] });
  }

  return {
    rows: done.reduce(sumRows, 0),
    tables: done,
    mismatches: done.reduce((sum, table) => sum + table.mismatches, 0),
    exact: done.every((table) => table.exact),
    sample: sample.mismatches,
    sampleRows: sample.rows,
  };

  function progressOf(findings: TableFindings): ComparisonProgress {
    const current = findings.comparison;
    const rows = done.reduce(sumRows, 0) + current.rows;
    const elapsedMs = monotonicMs() - startedMs;
    const expected = options.expectedRows;
    const rowsExpected =
      expected === undefined ? null : tables.reduce((sum, { table }) => sum + (expected.get(table) ?? 0), 0);
    const rowsNow = rows - rowsBefore;
    const etaMs =
      rowsExpected === null || rowsNow <= 0 ? null : (elapsedMs * Math.max(0, rowsExpected - rows)) / rowsNow;
    const mismatches = done.reduce((sum, table) => sum + table.mismatches, 0) + current.mismatches;
    return { table: current.table, rows, rowsExpected, mismatches, elapsedMs, etaMs };
  }
}

async function compareTable(
  pair: TablePair,
  findings: TableFindings,
  startAfter: Key | null,
  walk: Walk,
): Promise<void> {
  if (pair.orderedAlike) await compareAligned(pair, findings, walk, startAfter);
  else await compareHashed(pair, findings, walk);
}

function sumRows(sum: number, table: TableComparison): number {
  return sum + table.rows;
}

function checkCheckpoint(checkpoint: Checkpoint, { orgId, tables }: CompareOrgOptions): void {
  if (checkpoint.orgId !== orgId) {
    throw new CheckpointMismatchError('it is another org’s', { orgId, checkpointOrgId: checkpoint.orgId });
  }
  const known = new Set(tables.map(({ table }) => table));
  const unknown = [...checkpoint.done, ...(checkpoint.current ? [checkpoint.current] : [])]
    .map(({ table }) => table)
    .filter((table) => !known.has(table));
  if (unknown.length > 0) throw new CheckpointMismatchError('it names tables that are not compared', { unknown });
}
