import type { EffectRun } from '../driver/handlers.ts';
import { ExportNotExactError } from '../errors/index.ts';
import { compareSides, type SideViews } from '../estate/compareSides.ts';
import type { Estate } from '../estate/estate.ts';
import type { ComparisonResult } from '../verification/index.ts';
import { nameOf, RowTally, rowLineSchema } from './rows.ts';

/**
 * Compares the sides once more, in the views that the file was written from, and reads the file back from the disk:
 * what differs has to be exactly what stands there. Throws `ExportNotExactError`.
 */
export async function proveFile(
  estate: Estate,
  run: EffectRun,
  path: string,
  views: SideViews,
): Promise<ComparisonResult> {
  const differing = new RowTally();
  run.waitsFor('the proof that the exported rows are all that differs');
  const result = await compareSides(estate, run.migration, views, run.signal, {
    onDifferences: async (pair, differences) => {
      for (const difference of differences) differing.add(nameOf(pair, difference));
    },
  });
  const written = await tallyOf(estate, path);
  if (!written.equals(differing)) {
    throw new ExportNotExactError(path, 'it has other rows than those that differ', {
      written: written.rows,
      differing: differing.rows,
    });
  }
  return result;
}

/** Rows of a complete file; every line is parsed. */
async function tallyOf({ exportFiles }: Estate, path: string): Promise<RowTally> {
  const tally = new RowTally();
  let header = true;
  for await (const line of exportFiles.read(path)) {
    if (header) {
      header = false;
      continue;
    }
    const row = rowLineSchema.safeParse(line);
    if (!row.success) throw new ExportNotExactError(path, 'a line is no row');
    tally.add(row.data);
  }
  return tally;
}
