import type { EffectRun } from '../driver/handlers.ts';
import { compareSides, withLiveViews } from '../estate/compareSides.ts';
import type { Estate } from '../estate/estate.ts';
import type { ComparisonResult, RowRef } from '../verification/index.ts';
import { untilStill } from './liveLooks.ts';

type Mismatch = ComparisonResult['sample'][number];

/** Rows that are named; beyond it they are counted (what a comparison names by itself). */
const namedAtMost = 100;

/**
 * The live sides after the way back, where the views of the commit were lost: no task runs any more, the cluster stands
 * still, and the org's clients write at the source. What the source alone has was born there since: the question is
 * whether anything of the cluster is missing or otherwise there.
 */
export function compareBack(estate: Estate, run: EffectRun): Promise<ComparisonResult> {
  const { migration, signal } = run;
  return untilStill(estate.clock, run, () =>
    withLiveViews(estate, migration, signal, async (views) => {
      const found: Mismatch[] = [];
      const sampleRows: RowRef[] = [];
      let mismatches = 0;
      const result = await compareSides(estate, migration, views, signal, {
        onDifferences: async (pair, differences) => {
          for (const { kind, name, source, target } of differences) {
            if (kind === 'missing') continue;
            mismatches += 1;
            if (found.length < namedAtMost) {
              found.push({ kind, table: pair.table, key: { ...pair.describeKey(name) }, columns: [] });
              sampleRows.push({ table: pair.table, name, source, target });
            }
          }
        },
      });
      const sample = found.map((mismatch) => described(mismatch, result.sample));
      return { ...result, mismatches, sample, sampleRows };
    }),
  );
}

/** The same row as the comparison described it, with its columns, where it did. */
function described(mismatch: Mismatch, sample: readonly Mismatch[]): Mismatch {
  const nameOf = ({ table, key }: Mismatch) => JSON.stringify([table, key]);
  return sample.find((one) => nameOf(one) === nameOf(mismatch)) ?? mismatch;
}
