import type { EffectRun } from '../driver/handlers.ts';
import { runLog } from '../driver/logger.ts';
import { CutoverError, messageOf } from '../errors/index.ts';
import type { Estate } from '../estate/estate.ts';
import { driftError, isAccepted, lookAtSchema, type SchemaLook } from '../estate/schema.ts';

/** Time between two looks while something waits for the schema (milliseconds). */
const lookEveryMs = 1_000;

/**
 * Looks at the schema every `policy.schemaCheckMs` while the org soaks. A drift is an alert, one note for each that is new: the
 * org stays where it is with its guards on, and `complete` is kept back.
 */
export async function watchSchema(estate: Estate, run: EffectRun, signal: AbortSignal): Promise<never> {
  const { policy } = run.migration;
  for (let known = ''; ; ) {
    const look = await currentLook(estate, run);
    if (look !== null) {
      const drift = isAccepted(look) ? null : driftError(look);
      if (drift !== null && drift.message !== known) {
        run.note(`alert: ${drift.message}`, { code: drift.code, ...drift.details });
        runLog(estate.logger, run).error({ err: drift }, 'the schema has changed');
      }
      known = drift?.message ?? '';
    }
    await estate.clock.sleep(policy.schemaCheckMs, signal);
  }
}

/** Waits until the schema is the one that was accepted, because it was accepted or changed back; says meanwhile what it waits for. */
export async function untilSchemaAccepted(estate: Estate, run: EffectRun): Promise<void> {
  for (;;) {
    const look = await currentLook(estate, run);
    if (look !== null && isAccepted(look)) return;
    if (look !== null) run.waitsFor(whatIsMissing(look));
    await estate.clock.sleep(lookEveryMs, run.signal);
  }
}

/** Throws `SchemaDriftError` where the schema is known to have changed. */
export async function assertNoDrift(estate: Estate, run: Pick<EffectRun, 'migration' | 'epoch'>): Promise<void> {
  const look = await currentLook(estate, run);
  if (look !== null && !isAccepted(look)) throw driftError(look);
}

function whatIsMissing(look: SchemaLook): string {
  const next = look.differences.length > 0 ? 'the sides to agree, then ' : '';
  return `${next}\`schema accept\`: ${driftError(look).message}`;
}

/** Null where a side does not tell: not known is neither drift nor its end, and no org goes back for it. */
async function currentLook(estate: Estate, run: Pick<EffectRun, 'migration' | 'epoch'>): Promise<SchemaLook | null> {
  const { migration } = run;
  try {
    return await lookAtSchema(estate, migration, estate.samples.schema(migration.homeRegion).get());
  } catch (error) {
    if (!(error instanceof CutoverError)) throw error;
    runLog(estate.logger, run).warn({ err: messageOf(error) }, 'the schema could not be read');
    return null;
  }
}
