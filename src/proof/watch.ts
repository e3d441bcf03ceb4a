import { policyDefaults } from '../config/index.ts';
import type { EffectRun } from '../driver/handlers.ts';
import { runLog } from '../driver/logger.ts';
import { CutoverError, messageOf, SidesDifferError, SitesDifferError } from '../errors/index.ts';
import type { Estate } from '../estate/estate.ts';
import { differ, proveNow } from './prove.ts';
import { ageMs, figuresOf, isRequested, readVerification, whyNotProven } from './record.ts';

/** The store is asked this often whether somebody wants a comparison (milliseconds). */
const lookEveryMs = 2_000;
/** Rest after a comparison that could not be made (milliseconds). */
const restMs = 30_000;

/**
 * Compares again when the last result has its age, or when somebody asks for it. A difference ends the watch with
 * `SidesDifferError` or `SitesDifferError`, unless an org on the cluster is only to be alerted about. What cannot be compared says nothing
 * about the rows: it is noted, and tried again.
 */
export async function watchProof(estate: Estate, run: EffectRun, signal: AbortSignal): Promise<never> {
  const { migration } = run;
  const alertOnly =
    migration.serving === 'cluster' && { ...policyDefaults, ...migration.policy }.onMismatch === 'alert';
  const rests = migration.serving === 'cluster' ? null : 'the approval';
  for (let failed: string | null = null; ; ) {
    await estate.clock.sleep(lookEveryMs, signal);
    try {
      if (!(await isDue(estate, run))) continue;
      const found = await proveNow(estate, run, signal).finally(() => run.waitsFor(rests));
      failed = null;
      if (found.outcome !== 'equal') {
        const error = differ(migration.orgId, found);
        if (!alertOnly) throw error;
        run.note(`alert: ${error.message}`, { code: error.code, ...error.details });
        runLog(estate.logger, run).error({ err: error }, 'the sides differ');
      }
    } catch (error) {
      if (signal.aborted || isDifference(error) || !(error instanceof CutoverError)) throw error;
      if (failed !== error.code) run.note(`the sides could not be compared: ${messageOf(error)}`, { code: error.code });
      failed = error.code;
      await estate.clock.sleep(restMs, signal);
    }
  }
}

/** Rows differ: between site and cluster, or between the sites. */
export function isDifference(error: unknown): error is SidesDifferError | SitesDifferError {
  return error instanceof SidesDifferError || error instanceof SitesDifferError;
}

async function isDue(estate: Estate, { migration }: EffectRun): Promise<boolean> {
  const last = await readVerification(estate.store, migration.migrationId);
  if (await isRequested(estate.store, migration.migrationId, last)) return true;
  const nowMs = estate.clock.nowMs();
  // What was found different is alerted about once, and compared again at the pace of all others.
  const why = whyNotProven(last, migration, nowMs);
  if (last === null || why === 'none') return true;
  return ageMs(last, nowMs) > figuresOf(migration.policy).verifyEveryMs;
}

/** Resolves when somebody asks for a comparison, or after `mostMs`. */
export async function untilAskedAgain(estate: Estate, { migration, signal }: EffectRun, mostMs: number): Promise<void> {
  const untilMs = estate.clock.monotonicMs() + mostMs;
  while (estate.clock.monotonicMs() < untilMs) {
    await estate.clock.sleep(lookEveryMs, signal);
    const last = await readVerification(estate.store, migration.migrationId);
    if (await isRequested(estate.store, migration.migrationId, last)) return;
  }
}
