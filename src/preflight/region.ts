import { HomeRegionChangedError } from '../errors/index.ts';
import { type Check, findingFrom } from './finding.ts';

/** The home region in CoreDB is the one that the move goes to. */
export const regionFindings: Check = async (estate, migration) => {
  const found = await estate.directory.homeRegion(migration.orgId);
  if (found === migration.homeRegion) return [];
  return [findingFrom(new HomeRegionChangedError(migration.orgId, migration.homeRegion, found))];
};
