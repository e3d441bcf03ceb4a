import type { MigrationContext } from '../../statecharts/context.ts';
import type { EffectRun } from '../driver/handlers.ts';
import { HomeRegionChangedError, isTransient } from '../errors/index.ts';
import { clusterOf, type Estate } from './estate.ts';

/**
 * Asked before every step that writes. Without an answer forward steps wait (the directory's error is transient); a
 * way back uses the last known one.
 */
export async function assertHomeRegion(
  estate: Estate,
  migration: MigrationContext,
  signal: AbortSignal,
): Promise<void> {
  if (migration.direction === 'back' && migration.serving !== 'source') return;
  const found = await estate.directory.homeRegion(migration.orgId, signal);
  if (found !== migration.homeRegion) {
    throw new HomeRegionChangedError(migration.orgId, migration.homeRegion, found);
  }
}

/** Time between two questions for the home region while a task writes at the cluster (milliseconds). */
export const homeRegionEveryMs = 60_000;
/** Longest wait for the fence to shut a task out (milliseconds). */
const fenceTimeoutMs = 5_000;

/**
 * Runs work during which a task writes at the cluster, and asks for the home region meanwhile, at once and then every
 * minute. Where it has changed the work ends with `HomeRegionChangedError`, and the cluster's fence shuts the task out:
 * nothing more of the org gets there. Without an answer the task goes on: what it waits for is not the directory.
 */
export async function whileAtHome<T>(estate: Estate, run: EffectRun, work: (run: EffectRun) => Promise<T>): Promise<T> {
  const ending = new AbortController();
  const signal = AbortSignal.any([run.signal, ending.signal]);
  const working = work({ ...run, signal });
  const watching = untilElsewhere(estate, run, signal);
  try {
    return await Promise.race([working, watching]);
  } finally {
    ending.abort(new Error('the watch over the home region has ended'));
    await Promise.allSettled([working, watching]);
  }
}

async function untilElsewhere(estate: Estate, { migration, epoch }: EffectRun, signal: AbortSignal): Promise<never> {
  for (;;) {
    try {
      await assertHomeRegion(estate, migration, signal);
    } catch (error) {
      if (!isTransient(error)) {
        const { orgId, homeRegion } = migration;
        await clusterOf(estate, homeRegion).setFence(orgId, 'nobody', epoch, fenceTimeoutMs, signal);
        throw error;
      }
    }
    await estate.clock.sleep(homeRegionEveryMs, signal);
  }
}
