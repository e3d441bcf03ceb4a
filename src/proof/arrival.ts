import type { EffectRun } from '../driver/handlers.ts';
import { isTransient } from '../errors/index.ts';
import type { Estate } from '../estate/estate.ts';
import { beatSites } from '../estate/siteBeats.ts';
import { assertTaskHealthy } from '../estate/taskHealth.ts';
import type { Place } from '../ports/place.ts';

/** Time between two looks whether a heartbeat has arrived (milliseconds). */
const lookEveryMs = 100;

/**
 * Waits until everything that the leading side has now has arrived at the other. Throws `TaskFailedError` where nothing
 * will: whoever waits takes one of the places of those that are compared at once.
 */
export async function arrival(estate: Estate, run: EffectRun, signal: AbortSignal): Promise<void> {
  const sinceMs = estate.clock.monotonicMs();
  while (!estate.heartbeats.arrivedSince(run.migration.orgId, sinceMs)) {
    await assertCarried(estate, run);
    await estate.clock.sleep(lookEveryMs, signal);
  }
}

/**
 * Waits until everything that each of the sites has now has arrived at all others. The org's heartbeats are watched at
 * the cluster only; between the sites a beat of each is written here, and waited for.
 */
export async function siteArrival(
  estate: Estate,
  run: EffectRun,
  sites: readonly Place[],
  signal: AbortSignal,
): Promise<void> {
  const beats = await beatSites(sites, run.migration.orgId);
  for (;;) {
    const outstanding = await beats.outstanding(signal);
    if (outstanding.length === 0) return;
    run.waitsFor(`the comparison of the sites: what is to arrive ${outstanding.join(', ')}`);
    await assertCarried(estate, run);
    await estate.clock.sleep(lookEveryMs, signal);
  }
}

async function assertCarried(estate: Estate, run: EffectRun): Promise<void> {
  try {
    if (run.migration.serving === 'cluster') await estate.reverseTasks.look(run);
    else await assertTaskHealthy(estate, run);
  } catch (error) {
    // Without an answer nothing is known of the task: it may carry on all the same.
    if (!isTransient(error)) throw error;
  }
}
