import { clusterOf } from '../estate/estate.ts';
import { asked } from './asked.ts';
import type { Check } from './finding.ts';

/** What every site and the cluster say of themselves; a place that does not answer is a finding. */
export const placeFindings: Check = async (estate, migration) => {
  const places = [...estate.sites, clusterOf(estate, migration.homeRegion)];
  const answers = await Promise.all(
    places.map((place) => asked(estate.clock, () => place.findings(estate.tables, migration.orgId))),
  );
  return answers.flat();
};
