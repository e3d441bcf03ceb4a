import { clusterOf, type Estate } from '../estate/estate.ts';
import type { PlaceSettings } from '../ports/settings.ts';
import { sharedRead } from './sharedRead.ts';

/** The settings of one place of a move. */
export interface SettingsAt extends PlaceSettings {
  readonly place: string;
}

/** Asks every site and the cluster, once for all who ask at the same time. */
export function readSettings(
  estate: Pick<Estate, 'sites' | 'clusters'>,
  homeRegion: string,
): Promise<{ readonly sites: readonly SettingsAt[]; readonly cluster: SettingsAt }> {
  return sharedRead(estate, `settings ${homeRegion}`, async () => {
    const cluster = clusterOf(estate, homeRegion);
    const [there, ...sites] = await Promise.all(
      [cluster, ...estate.sites].map(async (place) => ({ place: place.name, ...(await place.settings()) })),
    );
    return { sites, cluster: there as SettingsAt };
  });
}
