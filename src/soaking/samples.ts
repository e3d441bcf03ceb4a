import type { Logger } from '../driver/logger.ts';
import type { Clock } from '../ports/clock.ts';
import type { Place } from '../ports/place.ts';
import type { Routing } from '../ports/routing.ts';
import { type ClusterHealth, clusterHealth } from './clusterHealth.ts';
import { type FleetErrors, fleetErrors } from './errorCounts.ts';
import type { SharedReading } from './shared.ts';

/** What all guards of a controller share: hundreds of soaking orgs ask a cluster and a proxy once. */
export interface Samples {
  readonly errors: SharedReading<FleetErrors>;
  health(cluster: Place): SharedReading<ClusterHealth>;
}

/** Nothing is asked before somebody looks. */
export function createSamples(routing: Routing, clock: Clock, logger: Logger): Samples {
  const byCluster = new Map<Place, SharedReading<ClusterHealth>>();
  return {
    errors: fleetErrors(routing, clock, logger),
    health(cluster) {
      const reading = byCluster.get(cluster) ?? clusterHealth(cluster, clock);
      byCluster.set(cluster, reading);
      return reading;
    },
  };
}
