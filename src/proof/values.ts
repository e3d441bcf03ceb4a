import type { MigrationContext } from '../../statecharts/context.ts';
import { sidesOf, withLiveViews } from '../estate/compareSides.ts';
import type { Estate } from '../estate/estate.ts';
import { type RowRef, type RowValues, readRowValues } from '../verification/index.ts';

/** Characters or bytes shown of one value, and bytes of values in one answer. */
const mostPerValue = 1_000;
const mostBytes = 256 * 1024;

/** Rows with the values that they have on the live sides now. Nothing of it is kept anywhere. */
export async function valuesNow(
  estate: Estate,
  migration: MigrationContext,
  rows: readonly RowRef[],
  signal: AbortSignal,
): Promise<RowValues[]> {
  return withLiveViews(estate, migration, signal, async (views) =>
    readRowValues({
      ...(await sidesOf(estate, migration, views)),
      tables: estate.tables,
      orgId: migration.orgId,
      rows,
      signal,
      mostPerValue,
      mostBytes,
    }),
  );
}
