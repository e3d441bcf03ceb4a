import type { EffectRun } from '../driver/handlers.ts';
import { clusterOf, type Estate } from '../estate/estate.ts';
import { assertHomeRegion } from '../estate/homeRegion.ts';
import { readSchema } from '../estate/schema.ts';

/** Records what the move starts from, and makes the org's fence and heartbeat rows where they are missing. */
export async function takeSnapshot(estate: Estate, run: EffectRun): Promise<{ largestLobBytes: number }> {
  const { migration, signal } = run;
  await assertHomeRegion(estate, migration, signal);
  const cluster = clusterOf(estate, migration.homeRegion);
  const [taskSite, ...otherSites] = estate.sites;
  await taskSite.enrol(migration.orgId, 'clients', [cluster.name]);
  for (const site of otherSites) await site.enrol(migration.orgId, 'clients');
  await cluster.enrol(migration.orgId, 'nobody');
  const [positions, schema, counts] = await Promise.all([
    Promise.all(estate.sites.map(async (site) => ({ site: site.name, ...(await site.binlogPosition(signal)) }))),
    readSchema(estate, migration.homeRegion),
    estate.sites[0].counts(estate.tables, migration.orgId),
  ]);
  await estate.store.putRecord(migration.migrationId, 'snapshot', {
    positions,
    schema,
    counts,
    catalogueVersion: estate.catalogue.version,
  });
  return { largestLobBytes: Math.max(0, ...counts.map(({ largestLobBytes }) => largestLobBytes)) };
}
