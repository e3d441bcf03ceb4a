import type { MigrationContext } from '../../statecharts/context.ts';
import {
  countsOf,
  type ErrorCounts,
  errorsBetween,
  errorsReadEveryMs,
  type FleetErrors,
  perMinute,
} from './errorCounts.ts';
import type { Guard } from './guard.ts';

/** Errors a minute that an org may have before it counts as a breach: so many times the baseline, and the floor at least. */
export function errorLimit(
  baselinePerMinute: number | null,
  {
    errorRateFactor,
    errorRateFloorPerMinute,
  }: Pick<MigrationContext['policy'], 'errorRateFactor' | 'errorRateFloorPerMinute'>,
): number {
  return Math.max(errorRateFloorPerMinute, (baselinePerMinute ?? 0) * errorRateFactor);
}

/**
 * The org's clients meet more errors at the proxies than they did before the flip. The proxies count what the servers
 * answered, by user and schema. Where they tell orgs apart by neither, it is a sign of the cluster's health and says so:
 * all its orgs' clients together meet more than its clients did before this org came.
 */
export function errorRateGuard(
  { orgId, homeRegion, policy }: Pick<MigrationContext, 'orgId' | 'homeRegion' | 'policy'>,
  baselinePerMinute: number | null,
  fleet: { get(): Promise<FleetErrors> },
  tellsOrgsApart: boolean,
): Guard {
  const whose = tellsOrgsApart
    ? `org ${orgId}: its clients meet`
    : `the cluster of ${homeRegion}: the clients of all its orgs meet`;
  const limit = errorLimit(baselinePerMinute, policy);
  let before: { readonly atMs: number; readonly counts: ErrorCounts } | null = null;
  return {
    code: tellsOrgsApart ? 'ERROR_RATE_HIGH' : 'CLUSTER_ERROR_RATE_HIGH',
    action: policy.onErrorRate,
    forMs: policy.errorRateForMs,
    everyMs: errorsReadEveryMs,
    async look() {
      const reading = await fleet.get();
      const now = { atMs: reading.atMs, counts: countsOf(reading, { orgId, homeRegion }) };
      const earlier = before;
      if (earlier !== null && now.atMs <= earlier.atMs) return null;
      before = now;
      const errors = earlier === null ? null : errorsBetween(earlier.counts, now.counts);
      if (earlier === null || errors === null) return null;
      const rate = perMinute(errors, now.atMs - earlier.atMs);
      return { breach: rate > limit, value: Math.round(rate) };
    },
    says: (rate) =>
      `${whose} ${rate} errors a minute, over ${Math.round(limit)} for ${policy.errorRateForMs} ms (before the flip: ${baselinePerMinute === null ? 'not known' : baselinePerMinute.toFixed(1)})`,
  };
}
