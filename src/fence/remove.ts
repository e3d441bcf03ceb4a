import type { Connection } from 'mysql2/promise';
import { z } from 'zod';
import { FenceInUseError } from '../errors/index.ts';
import { tableExists } from './check.ts';
import { sitesInOrder } from './install.ts';
import { DEFAULT_PATIENCE, type FencePatience, type FencePlan } from './plan.ts';
import { CONTROL_SCHEMA } from './schema.ts';
import { prepare, runDdl, select } from './sql.ts';
import { ownTriggers } from './triggerState.ts';
import { dropTriggerSql } from './triggers.ts';

/** What a removal did. */
export interface FenceRemoveReport {
  readonly triggersDropped: number;
  readonly schemasDropped: number;
}

const usedRow = z.object({
  orgId: z.union([z.number(), z.string()]).transform(Number),
  place: z.string(),
  writer: z.string(),
});

/**
 * Takes triggers and control schema away at every place; what is left over from an interrupted removal too. Refused
 * while an org is closed at a site or open to clients at a cluster: only the fence keeps it from being written twice.
 */
export async function removeFence(
  plan: Pick<FencePlan, 'sites' | 'clusters'>,
  patience: FencePatience = DEFAULT_PATIENCE,
): Promise<FenceRemoveReport> {
  const [first] = sitesInOrder(plan.sites);
  // The sites replicate: what goes at one goes at all.
  const places = [...(first === undefined ? [] : [first]), ...plan.clusters];
  for (const { connection } of places) await prepare(connection);

  const used: z.infer<typeof usedRow>[] = [];
  for (const site of plan.sites) used.push(...(await rowsNot(site.connection, site.name, ['clients'])));
  for (const cluster of plan.clusters) {
    used.push(...(await rowsNot(cluster.connection, cluster.name, ['forward', 'nobody'])));
  }
  if (used.length > 0) throw new FenceInUseError(used);

  let triggersDropped = 0;
  let schemasDropped = 0;
  // Triggers first: they fail without the table that they read.
  for (const { name, connection } of places) {
    const triggers = await ownTriggers(connection);
    for (const trigger of triggers) {
      await runDdl(connection, name, dropTriggerSql(trigger.schema, trigger.name), patience.lockAttempts);
    }
    triggersDropped += triggers.length;
  }
  for (const { name, connection } of places) {
    if (!(await tableExists(connection, 'fence'))) continue;
    await runDdl(connection, name, `DROP DATABASE IF EXISTS ${CONTROL_SCHEMA}`, patience.lockAttempts);
    schemasDropped += 1;
  }
  return { triggersDropped, schemasDropped };
}

async function rowsNot(connection: Connection, place: string, harmless: readonly string[]) {
  if (!(await tableExists(connection, 'fence'))) return [];
  return select(
    connection,
    usedRow,
    `SELECT org_id AS orgId, place, writer FROM ${CONTROL_SCHEMA}.fence WHERE place = ? AND writer NOT IN (?)`,
    [place, harmless],
  );
}
