import type { EffectRun } from '../driver/handlers.ts';
import { RepairRefusedError } from '../errors/index.ts';
import { clusterOf, type Estate } from '../estate/estate.ts';
import { assertHomeRegion } from '../estate/homeRegion.ts';
import { readSchema } from '../estate/schema.ts';
import { taskRef } from '../estate/taskPlans.ts';
import type { ReadView } from '../ports/place.ts';
import { copyRows, RowsMovedError } from '../verification/index.ts';
import type { Suspect } from './notes.ts';

/** Rows of one transaction: it locks them, and the org's fence row. */
const rowsAtOnce = 20;
/** Tries of rows that changed while they were copied; afterwards they are left to the next comparison. */
const tries = 5;

/**
 * Copies rows that differ from the side that serves the org to the other. With the care of a move: the home region is
 * asked, no task may read the side that is written (it would carry the repair to the side that serves), the fence row
 * is held, and nothing newer is written over. Resolves to the rows copied.
 */
export async function repairDifferences(
  estate: Estate,
  run: EffectRun,
  rows: readonly Suspect[],
  signal: AbortSignal,
): Promise<number> {
  const { migration, epoch } = run;
  const { orgId, homeRegion, serving } = migration;
  await assertHomeRegion(estate, migration, signal);
  await assertNotRead(estate, run);
  const cluster = clusterOf(estate, homeRegion);
  const [site] = estate.sites;
  const [leading, following] = serving === 'cluster' ? [cluster, site] : [site, cluster];
  const writer = serving === 'cluster' ? ('reverse' as const) : ('forward' as const);
  const { sites, cluster: atCluster } = await readSchema(estate, homeRegion);
  const shapes = { source: sites[0]?.shapes ?? [], target: atCluster.shapes };
  const atLeading = async <T>(work: (view: ReadView) => Promise<T>): Promise<T> => {
    const [view] = await leading.openViews(1, signal);
    if (view === undefined) throw new RangeError('no view was opened');
    try {
      return await work(view);
    } finally {
      await view.close();
    }
  };
  let copied = 0;
  for (const [name, ofTable] of Map.groupBy(rows, ({ table }) => table)) {
    const table = estate.tables.find((each) => each.table === name);
    if (table === undefined) continue;
    for (let from = 0; from < ofTable.length; from += rowsAtOnce) {
      const some = ofTable.slice(from, from + rowsAtOnce);
      run.waitsFor(`the repair: ${copied} of ${rows.length} rows`);
      for (let tried = 1; tried <= tries; tried++) {
        try {
          copied += await following.repairRows({ orgId, epoch, writer }, signal, (transaction) =>
            copyRows({
              table,
              orgId,
              leads: serving === 'cluster' ? 'target' : 'source',
              shapes,
              rows: some,
              atLeading,
              transaction,
            }),
          );
          break;
        } catch (error) {
          if (!isMoved(error)) throw error;
        }
      }
    }
  }
  run.note(`repaired ${copied} of ${rows.length} rows at ${following.name}`, { copied, rows: rows.length });
  return copied;
}

function isMoved(error: unknown): boolean {
  return error instanceof RowsMovedError || (error instanceof Error && error.cause instanceof RowsMovedError);
}

/** Rule 8: rows are removed only where no task reads them. */
async function assertNotRead(estate: Estate, { migration }: EffectRun): Promise<void> {
  const direction = migration.serving === 'cluster' ? 'forward' : 'reverse';
  const state = await estate.replication.observe(taskRef(migration, direction));
  // One that was made for a flip and never started begins behind the repair.
  if (state !== null && state.status !== 'ready')
    throw new RepairRefusedError(migration.orgId, `the ${direction} task still exists`);
}
