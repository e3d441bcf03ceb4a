import type { Catalogue } from '../catalogue/catalogue.ts';
import type { Logger } from '../driver/logger.ts';
import type { Schema } from '../estate/schema.ts';
import type { Clock } from '../ports/clock.ts';
import type { Finding } from '../ports/finding.ts';
import type { Place } from '../ports/place.ts';
import type { Routing } from '../ports/routing.ts';
import { sampleAttribution } from '../preflight/attribution.ts';
import { sampleStrays } from '../preflight/strayStatements.ts';
import { type ClusterHealth, clusterHealth } from './clusterHealth.ts';
import { type FleetErrors, fleetErrors } from './errorCounts.ts';
import { SharedReading } from './shared.ts';

/** What all guards of a controller share: hundreds of soaking orgs ask a cluster and a proxy once. */
export interface Samples {
  readonly errors: SharedReading<FleetErrors>;
  /** Statements that cannot be told to belong to an org. */
  readonly attribution: SharedReading<readonly Finding[]>;
  /** Statements on org-owned tables that belong to no org. */
  readonly strays: SharedReading<readonly Finding[]>;
  health(cluster: Place): SharedReading<ClusterHealth>;
  /** Fingerprint of the sites and of the region's cluster. */
  schema(homeRegion: string): SharedReading<Schema>;
}

/** A schema's fingerprint is good for so long where many orgs ask (milliseconds). */
const schemaFreshMs = 500;

/** A sample of live traffic is good for so long: preflights of many orgs begin together (milliseconds). */
const trafficFreshMs = 60_000;

/** Nothing is asked before somebody looks. */
export function createSamples(deps: {
  routing: Routing;
  clock: Clock;
  logger: Logger;
  catalogue: Catalogue;
  readSchema(homeRegion: string): Promise<Schema>;
}): Samples {
  const { routing, clock, logger, catalogue } = deps;
  const byCluster = new Map<Place, SharedReading<ClusterHealth>>();
  const schemas = new Map<string, SharedReading<Schema>>();
  return {
    attribution: new SharedReading(clock, trafficFreshMs, () => sampleAttribution(routing, catalogue.tables, clock)),
    strays: new SharedReading(clock, trafficFreshMs, () => sampleStrays(routing, catalogue, clock)),
    errors: fleetErrors(routing, clock, logger),
    health(cluster) {
      const reading = byCluster.get(cluster) ?? clusterHealth(cluster, clock);
      byCluster.set(cluster, reading);
      return reading;
    },
    schema(homeRegion) {
      const read = () => deps.readSchema(homeRegion);
      const reading = schemas.get(homeRegion) ?? new SharedReading(clock, schemaFreshMs, read);
      schemas.set(homeRegion, reading);
      return reading;
    },
  };
}
