import type { EffectRun } from '../driver/handlers.ts';
import { compareSides, sidesOf, withLiveViews } from '../estate/compareSides.ts';
import type { Estate } from '../estate/estate.ts';
import type { LiveResult } from '../proof/live.ts';
import { describeLook, lookAtRows, type RowRef } from '../verification/index.ts';
import { untilStill } from './liveLooks.ts';

interface Suspect extends RowRef {
  readonly key: Readonly<Record<string, string>>;
}

/** Rows that are named in the result. */
const namedAtMost = 100;
/** Rows that are looked at again; where more differ, that many are no writes of a moment. */
const suspectsAtMost = 5_000;

/**
 * The live sides after the way back, where the views of the commit were lost: no task runs any more, the cluster stands
 * still, and the org's clients write at the source. What the source alone has was born there since: the question is
 * whether anything of the cluster is missing or otherwise there, and not because it has been written again.
 */
export async function compareBack(estate: Estate, run: EffectRun): Promise<Omit<LiveResult, 'differing'>> {
  const { migration, signal } = run;
  const suspects: Suspect[] = [];
  let mismatches = 0;
  const { rows } = await withLiveViews(estate, migration, signal, (views) =>
    compareSides(estate, migration, views, signal, {
      onDifferences: async (pair, differences) => {
        for (const { kind, name, source, target } of differences) {
          if (kind === 'missing') continue;
          mismatches += 1;
          if (suspects.length < suspectsAtMost) {
            suspects.push({ table: pair.table, name, source, target, key: pair.describeKey(name) });
          }
        }
      },
    }),
  );
  const still = await untilStill(estate.clock, run, suspects, (some) =>
    withLiveViews(estate, migration, signal, async (views) =>
      lookAtRows({
        ...(await sidesOf(estate, migration, views)),
        tables: estate.tables,
        orgId: migration.orgId,
        rows: some,
        signal,
      }),
    ),
  );
  const named = still.slice(0, namedAtMost);
  return {
    rows,
    mismatches: mismatches - suspects.length + still.length,
    exact: mismatches === suspects.length,
    sample: named.map(({ row, look }) => ({ ...describeLook(look), table: row.table, key: { ...row.key } })),
    sampleRows: named.map(({ row: { table, name, source, target } }) => ({ table, name, source, target })),
  };
}
