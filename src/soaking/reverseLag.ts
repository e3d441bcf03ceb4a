import type { MigrationContext } from '../../statecharts/context.ts';
import type { LagSample } from '../heartbeat/lag.ts';
import type { Clock } from '../ports/clock.ts';
import type { Guard } from './guard.ts';

/** Time between two looks (milliseconds); beats are further apart. */
const lookEveryMs = 500;
/** An observation older than this is a missing one (milliseconds). */
const freshMs = 3_000;

/** The way back lags: what it does not carry would be lost with the cluster. */
export function reverseLagGuard(
  { orgId, policy }: Pick<MigrationContext, 'orgId' | 'policy'>,
  heartbeats: { lag(orgId: number): LagSample | null },
  clock: Pick<Clock, 'monotonicMs'>,
): Guard {
  let seenAtMs = Number.NEGATIVE_INFINITY;
  return {
    code: 'REVERSE_LAG',
    action: policy.onReverseLag,
    forMs: policy.reverseLagForMs,
    everyMs: lookEveryMs,
    async look() {
      const sample = heartbeats.lag(orgId);
      // The same observation does not count twice.
      if (sample === null || sample.atMs <= seenAtMs || clock.monotonicMs() - sample.atMs > freshMs) return null;
      seenAtMs = sample.atMs;
      return { breach: sample.lagMs > policy.reverseLagMs, value: Math.round(sample.lagMs) };
    },
    says: (lagMs) =>
      `org ${orgId}: the way back lags by ${lagMs} ms, over ${policy.reverseLagMs} ms for ${policy.reverseLagForMs} ms`,
  };
}
