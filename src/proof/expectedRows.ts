import { z } from 'zod';
import type { Estate } from '../estate/estate.ts';

const snapshotSchema = z.object({ counts: z.array(z.object({ table: z.string(), rows: z.number() })) });

/** Rows by table as counted before the move; undefined without a snapshot. */
export async function expectedRows(
  { store }: Pick<Estate, 'store'>,
  migrationId: string,
): Promise<ReadonlyMap<string, number> | undefined> {
  const taken = snapshotSchema.nullable().parse(await store.getRecord(migrationId, 'snapshot'));
  return taken === null ? undefined : new Map(taken.counts.map(({ table, rows }) => [table, rows]));
}
