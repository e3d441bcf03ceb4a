import { z } from 'zod';
import type { Estate } from '../estate/estate.ts';
import { type LeftBehind, leftBehindSchema } from '../service/status.ts';

const recordSchema = z.array(leftBehindSchema);

/** Files of rows that were, or are to be, left behind by this migration; the newest last. */
export async function filesOf({ store }: Pick<Estate, 'store'>, migrationId: string): Promise<LeftBehind[]> {
  return filesFrom(await store.getRecord(migrationId, 'leftBehind'));
}

/** The same from the record at hand. */
export function filesFrom(record: unknown): LeftBehind[] {
  return recordSchema.parse(record ?? []);
}

/** Adds a file to the record, in the place of one that was written there before. */
export async function keepFile(estate: Estate, migrationId: string, file: LeftBehind): Promise<void> {
  const others = (await filesOf(estate, migrationId)).filter(
    ({ path, host }) => path !== file.path || host !== file.host,
  );
  await estate.store.putRecord(migrationId, 'leftBehind', [...others, file]);
}
