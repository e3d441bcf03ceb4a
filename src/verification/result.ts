import { z } from 'zod';
import type { RowRef } from './lookAtRows.ts';

/**
 * One row that is not the same on both sides. `missing` is at the source only, `extra` at the target only; `columns`
 * names the columns that differ. Values are never part of it, except those of the key.
 */
export const mismatchSchema = z.object({
  kind: z.enum(['missing', 'extra', 'different']),
  table: z.string(),
  key: z.record(z.string(), z.string()),
  columns: z.array(z.string()),
  /** Where two sites were compared, the second, which is then meant by the target. */
  otherSite: z.string().optional(),
});
export type Mismatch = z.infer<typeof mismatchSchema>;

export const tableComparisonSchema = z.object({
  table: z.string(),
  /** Rows of the org at the source. */
  rows: z.number().int(),
  targetRows: z.number().int(),
  mismatches: z.number().int(),
  /** False when so much differs that not every row was looked up: then `mismatches` is the least there can be. */
  exact: z.boolean(),
});
export type TableComparison = z.infer<typeof tableComparisonSchema>;

/** What a comparison found. */
export interface ComparisonResult {
  /** Rows compared, counted at the source. */
  readonly rows: number;
  readonly tables: readonly TableComparison[];
  readonly mismatches: number;
  readonly exact: boolean;
  /** Some of the mismatches, never more than asked for. */
  readonly sample: readonly Mismatch[];
  /** Where the sample's rows are found again: those of this run. */
  readonly sampleRows: readonly RowRef[];
}

/**
 * Where a comparison of live sides can go on after a crash: everything before it has been compared. Plain data, to be
 * stored as JSON. (Pinned views end with their owner; their comparison begins anew.)
 */
export const checkpointSchema = z.object({
  version: z.literal(1),
  orgId: z.number().int(),
  done: z.array(tableComparisonSchema),
  current: tableComparisonSchema.extend({ after: z.array(z.string()) }).nullable(),
  sample: z.array(mismatchSchema),
});
export type Checkpoint = z.infer<typeof checkpointSchema>;

/** How far a comparison is. */
export interface ComparisonProgress {
  readonly table: string;
  /** Rows compared so far in this run, all tables. */
  readonly rows: number;
  /** Rows to compare in all; null when the caller gave no counts. */
  readonly rowsExpected: number | null;
  readonly mismatches: number;
  readonly elapsedMs: number;
  /** Time left at the pace so far; null when it cannot be told. */
  readonly etaMs: number | null;
}
