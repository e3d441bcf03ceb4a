// Comparison of an org's rows on two sides, as everything outside this folder imports it.

export type { Key, RowExcerpt, RowImage, TablePair } from './chunks.ts';
export { incomparableTables, keysOrderedApart } from './comparability.ts';
export { type ComparedSide, type CompareOrg, type CompareOrgOptions, compareOrg } from './compareOrg.ts';
export { type CopyRowsOptions, copyRows, RowsMovedError } from './copyRows.ts';
export * from './errors.ts';
export type { Difference, TellDifferences } from './findings.ts';
export { describeLook, judge, SUSPECTED, type Suspicion } from './following.ts';
export { type LookAtRowsOptions, lookAtRows, type RowLook, type RowRef } from './lookAtRows.ts';
export { withOpenKeys } from './openKeys.ts';
export {
  type Checkpoint,
  type ComparisonProgress,
  type ComparisonResult,
  checkpointSchema,
  type Mismatch,
  mismatchSchema,
  type TableComparison,
  tableComparisonSchema,
} from './result.ts';
export { type RowValues, readRowValues } from './rowValues.ts';
