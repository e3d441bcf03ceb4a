import { CutoverError } from '../errors/index.ts';
import { clusterOf } from '../estate/estate.ts';
import { type Check, findingFrom } from './finding.ts';

/** What every site and the cluster say of themselves; a place that does not answer is a finding. */
export const placeFindings: Check = async (estate, migration) => {
  const places = [...estate.sites, clusterOf(estate, migration.homeRegion)];
  const answers = await Promise.allSettled(places.map((place) => place.findings(estate.tables, migration.orgId)));
  return answers.flatMap((answer) => {
    if (answer.status === 'fulfilled') return [...answer.value];
    if (answer.reason instanceof CutoverError) return [findingFrom(answer.reason)];
    throw answer.reason;
  });
};
