import { policyDefaults } from '../config/index.ts';
import type { EffectRun } from '../driver/handlers.ts';
import { clusterOf, type Estate } from '../estate/estate.ts';
import { watchProof } from '../proof/watch.ts';
import { clusterHealthGuard } from './clusterHealth.ts';
import { readErrorBaseline } from './errorBaseline.ts';
import { errorRateGuard } from './errorRate.ts';
import { knownBroken, watchGuard } from './guard.ts';
import { reverseLagGuard } from './reverseLag.ts';
import { reverseTaskGuard } from './reverseTask.ts';
import { watchSchema } from './schemaDrift.ts';

/** Watches an org on the cluster as `watchOnCluster` does, and its rows. */
export function soak(estate: Estate, run: EffectRun): Promise<never> {
  return watchOnCluster(estate, run, watchProof);
}

/**
 * Watches an org on the cluster: the way back, the cluster, the org's clients, the schema, and what `beside` adds. Each guard
 * looks at its own pace, so that one that waits for a time-out holds up no other. Ends only by one that takes the org back.
 */
export async function watchOnCluster(
  estate: Estate,
  run: EffectRun,
  ...beside: readonly ((estate: Estate, run: EffectRun, signal: AbortSignal) => Promise<never>)[]
): Promise<never> {
  // A journal from before a field of the policy was there says nothing of it.
  const migration = { ...run.migration, policy: { ...policyDefaults, ...run.migration.policy } };
  const { migrationId, homeRegion } = migration;
  const cluster = clusterOf(estate, homeRegion);
  const baseline = await readErrorBaseline(estate, migrationId);
  const watched = { ...run, migration };
  const wayBack = [
    reverseLagGuard(migration, estate.heartbeats, estate.clock),
    reverseTaskGuard(migration, () => estate.reverseTasks.look(run)),
  ];
  const guards = [
    ...(migration.stays ? wayBack.map(knownBroken) : wayBack),
    clusterHealthGuard(migration, cluster, estate.samples.health(cluster)),
    errorRateGuard(migration, baseline?.ratePerMinute ?? null, estate.samples.errors, estate.routing.tellsErrorsApart),
  ];
  const ending = new AbortController();
  const signal = AbortSignal.any([run.signal, ending.signal]);
  const watches = [
    ...guards.map((guard) => watchGuard(guard, estate, watched, signal)),
    watchSchema(estate, watched, signal),
    ...beside.map((watch) => watch(estate, watched, signal)),
  ];
  try {
    return await Promise.race(watches);
  } finally {
    ending.abort(new Error('the watch has ended'));
    await Promise.allSettled(watches);
  }
}
