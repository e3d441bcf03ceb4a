import type { Check } from './finding.ts';

/** Instance, endpoints, connections and quotas of DMS in the org's region. */
export const replicationFindings: Check = (estate, migration) => estate.replication.findings(migration.homeRegion);
