import type { MigrationContext } from '../../statecharts/context.ts';
import type { Estate } from '../estate/estate.ts';
import { type RowValues, readRowValues } from '../verification/index.ts';
import { siteAndCluster, twoSites } from './between.ts';
import type { SampleRow } from './live.ts';

/** Characters or bytes shown of one value, and bytes of values in one answer. */
const mostPerValue = 1_000;
const mostBytes = 256 * 1024;

/** Rows with the values that they have on the live sides now. Nothing of it is kept anywhere. */
export async function valuesNow(
  estate: Estate,
  migration: MigrationContext,
  rows: readonly SampleRow[],
  signal: AbortSignal,
): Promise<(RowValues & { readonly otherSite?: string })[]> {
  const found: (RowValues & { readonly otherSite?: string })[] = [];
  for (const [otherSite, some] of Map.groupBy(rows, (row) => row.otherSite)) {
    const other = estate.sites.find(({ name }) => name === otherSite);
    const between = other === undefined ? siteAndCluster(estate, migration) : twoSites(estate, migration, other);
    const values = await between.withViews(signal, async (views) =>
      readRowValues({
        ...(await between.sides(views)),
        tables: estate.tables,
        orgId: migration.orgId,
        rows: some,
        signal,
        mostPerValue,
        mostBytes,
      }),
    );
    found.push(...values.map((value) => ({ ...value, ...(otherSite !== undefined && { otherSite }) })));
  }
  return found;
}
