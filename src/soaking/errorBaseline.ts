import { z } from 'zod';
import type { EffectRun } from '../driver/handlers.ts';
import type { Estate } from '../estate/estate.ts';
import { countsOf, errorCountsSchema, errorsBetween, perMinute } from './errorCounts.ts';

const baselineSchema = z.object({
  /** Epoch milliseconds of the first reading: it outlives this controller. */
  sinceMs: z.number(),
  counts: errorCountsSchema,
  /** Errors a minute while the source served; null before the second reading, and where no proxy was in both. */
  ratePerMinute: z.number().nullable(),
  measuredMs: z.number(),
});

/** What the org's clients (where they cannot be told apart: its cluster's) met at the proxies while the source still served it. */
export type ErrorBaseline = Readonly<z.output<typeof baselineSchema>>;

/** First reading, long before the flip. One that is there stays: the longer the time, the better the figure. */
export async function beginErrorBaseline(estate: Estate, run: EffectRun): Promise<void> {
  const { migrationId } = run.migration;
  if ((await readErrorBaseline(estate, migrationId)) !== null) return;
  const counts = countsOf(await estate.samples.errors.get(), run.migration);
  const baseline: ErrorBaseline = { sinceMs: estate.clock.nowMs(), counts, ratePerMinute: null, measuredMs: 0 };
  await estate.store.putRecord(migrationId, 'errorBaseline', baseline);
}

/** Second reading, at each preparation of the flip. */
export async function takeErrorBaseline(estate: Estate, run: EffectRun): Promise<void> {
  const { migrationId } = run.migration;
  const begun = await readErrorBaseline(estate, migrationId);
  if (begun === null) return beginErrorBaseline(estate, run);
  const errors = errorsBetween(begun.counts, countsOf(await estate.samples.errors.get(), run.migration));
  const measuredMs = Math.max(0, estate.clock.nowMs() - begun.sinceMs);
  const ratePerMinute = errors === null ? null : perMinute(errors, measuredMs);
  await estate.store.putRecord(migrationId, 'errorBaseline', { ...begun, ratePerMinute, measuredMs });
}

/** The record as it stands; null where there is none. */
export async function readErrorBaseline(
  { store }: Pick<Estate, 'store'>,
  migrationId: string,
): Promise<ErrorBaseline | null> {
  return baselineSchema.nullable().parse(await store.getRecord(migrationId, 'errorBaseline'));
}
