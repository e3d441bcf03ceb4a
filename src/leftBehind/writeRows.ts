import type { EffectRun } from '../driver/handlers.ts';
import { ExportNotExactError } from '../errors/index.ts';
import { compareSides, type SideViews } from '../estate/compareSides.ts';
import { clusterOf, type Estate } from '../estate/estate.ts';
import type { ExportFile } from '../ports/exportFiles.ts';
import type { LeftBehind } from '../service/status.ts';
import type { Difference, Key, RowImage, TablePair } from '../verification/index.ts';
import { nameOf, type RowLine, RowTally } from './rows.ts';

/** Rows read whole at a time, of one side; fewer where they can be large. */
const rowsAtOnce = 200;
const heavyRowsAtOnce = 10;

/** What a file is of. `before`: nothing was held yet. `exact`: all that the cluster has and the sites do not, at its end. */
export type Part = LeftBehind['part'];

export interface Written {
  readonly path: string;
  readonly tally: RowTally;
}

/**
 * Writes every row of the org that is not the same in the two views, whole and exact, into a file. It is there under
 * its name only when it is complete and durable.
 */
export async function writeRows(
  estate: Estate,
  run: EffectRun,
  part: Part,
  views: SideViews,
  viewsAre: 'cutover-point' | 'live',
): Promise<Written> {
  const { migrationId, orgId, homeRegion } = run.migration;
  // The attempt that the file goes before, or belongs to.
  const attempt = run.migration.attempt + (part === 'before' ? 1 : 0);
  const prefix = `org-${orgId}_${migrationId}_`;
  const file = await estate.exportFiles.begin(prefix, `${prefix}attempt-${attempt}_epoch-${run.epoch}_${part}.jsonl`);
  const tally = new RowTally();
  try {
    await file.write({
      format: 'bigdb-cutover left-behind rows',
      version: 1,
      migrationId,
      orgId,
      homeRegion,
      attempt,
      part,
      views: viewsAre,
      cluster: clusterOf(estate, homeRegion).name,
      site: estate.sites[0].name,
      at: new Date(estate.clock.nowMs()).toISOString(),
    });
    await compareSides(estate, run.migration, views, run.signal, {
      onDifferences: async (pair, differences) => {
        await writeDifferences(file, pair, differences, tally);
        run.waitsFor(`the export of rows that stay behind: ${tally.rows} so far`);
      },
    });
    await file.finish({ rows: tally.rows, kinds: tally.kinds, tables: tally.tables });
    return { path: file.path, tally };
  } finally {
    await file.discard();
  }
}

async function writeDifferences(
  file: ExportFile,
  pair: TablePair,
  differences: readonly Difference[],
  tally: RowTally,
): Promise<void> {
  const atOnce = pair.heavy ? heavyRowsAtOnce : rowsAtOnce;
  for (let from = 0; from < differences.length; from += atOnce) {
    const some = differences.slice(from, from + atOnce);
    const site = await imagesOf(
      pair.source,
      some.map(({ source }) => source),
    );
    const cluster = await imagesOf(
      pair.target,
      some.map(({ target }) => target),
    );
    for (const difference of some) {
      const named = nameOf(pair, difference);
      const line: RowLine = {
        ...named,
        cluster: difference.target === null ? null : imageOf(cluster, difference, file.path),
        site: difference.source === null ? null : imageOf(site, difference, file.path),
      };
      await file.write(line);
      tally.add(named);
    }
  }
}

/** The side's own rows among them, whole. */
async function imagesOf(
  side: TablePair['source'],
  keys: readonly (Key | null)[],
): Promise<ReadonlyMap<string, RowImage>> {
  const there = keys.filter((key) => key !== null);
  return there.length === 0 ? new Map() : side.images(there);
}

/** A view does not move: a row that it had a moment ago is still in it. */
function imageOf(images: ReadonlyMap<string, RowImage>, { name }: Difference, path: string): RowImage {
  const image = images.get(name);
  if (image === undefined) throw new ExportNotExactError(path, 'a row that differs could not be read');
  return image;
}
