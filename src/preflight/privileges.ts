import { clusterOf } from '../estate/estate.ts';
import type { Check } from './finding.ts';

/** The controller's accounts may do at every place of the move what they have to. DMS tests its own. */
export const privilegeFindings: Check = async (estate, { homeRegion }) => {
  const places = [...estate.sites, clusterOf(estate, homeRegion)];
  const answers = await Promise.all(
    places.map(async (place) => ({ place: place.name, missing: await place.missingPrivileges(estate.tables) })),
  );
  return answers.flatMap(({ place, missing }) =>
    [...Map.groupBy(missing, ({ account }) => account)].map(([account, lacks]) => ({
      code: 'PRIVILEGES_MISSING',
      severity: 'refuse' as const,
      message: `${account} lacks at ${place}: ${lacks.map(({ privilege, on }) => `${privilege} on ${on}`).join(', ')}`,
      remedy: 'Grant them; README.md lists what each account needs.',
      evidence: { place, account, missing: lacks.map(({ privilege, on }) => `${privilege} on ${on}`) },
    })),
  );
};
