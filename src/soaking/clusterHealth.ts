import type { MigrationContext } from '../../statecharts/context.ts';
import { CutoverError, messageOf } from '../errors/index.ts';
import type { Clock } from '../ports/clock.ts';
import type { Place } from '../ports/place.ts';
import type { Guard } from './guard.ts';
import { SharedReading } from './shared.ts';

/** Time between two looks at a cluster, however many orgs soak there (milliseconds). */
const lookEveryMs = 500;

/** One look at a cluster. */
export interface ClusterHealth {
  /** Why it is unfit for any org (it does not answer, it refuses writes), or null. */
  readonly trouble: string | null;
  /** Time of a ping (milliseconds); null where it did not answer. */
  readonly pingMs: number | null;
}

/** Health of one cluster, asked once for all its orgs. */
export function clusterHealth(cluster: Pick<Place, 'ping' | 'isReadOnly'>, clock: Clock): SharedReading<ClusterHealth> {
  return new SharedReading(clock, lookEveryMs / 2, async () => {
    try {
      const sentAtMs = clock.monotonicMs();
      await cluster.ping();
      const pingMs = clock.monotonicMs() - sentAtMs;
      return { trouble: (await cluster.isReadOnly()) ? 'read-only' : null, pingMs };
    } catch (error) {
      if (error instanceof CutoverError) return { trouble: messageOf(error), pingMs: null };
      throw error;
    }
  });
}

/** The cluster does not answer, answers too slowly, or refuses writes. */
export function clusterHealthGuard(
  { policy }: Pick<MigrationContext, 'policy'>,
  cluster: Pick<Place, 'name'>,
  health: { get(): Promise<ClusterHealth> },
): Guard {
  return {
    code: 'CLUSTER_UNHEALTHY',
    action: policy.onUnhealthy,
    forMs: policy.unhealthyForMs,
    everyMs: lookEveryMs,
    async look() {
      const { trouble, pingMs } = await health.get();
      if (trouble !== null) return { breach: true, value: trouble };
      const ms = Math.round(pingMs ?? 0);
      const slow = ms > policy.clusterPingMs;
      return { breach: slow, value: `a ping takes ${ms} ms${slow ? `, over ${policy.clusterPingMs} ms` : ''}` };
    },
    says: (trouble) => `${cluster.name} has been unfit for ${policy.unhealthyForMs} ms: ${trouble}`,
  };
}
