import { schemasOf } from '../catalogue/catalogue.ts';
import { clusterOf, type Estate } from '../estate/estate.ts';
import type { Inventory } from '../ports/inventory.ts';
import { sharedRead } from './sharedRead.ts';

/** What the places of a move have in the catalogue's schemas. */
export interface Inventories {
  readonly sites: readonly Inventory[];
  readonly cluster: Inventory;
}

/** Asks every site and the cluster, once for all who ask at the same time. */
export function readInventories(
  estate: Pick<Estate, 'sites' | 'clusters' | 'catalogue'>,
  homeRegion: string,
): Promise<Inventories> {
  return sharedRead(estate, `inventories ${homeRegion}`, async () => {
    const schemas = schemasOf(estate.catalogue);
    const cluster = clusterOf(estate, homeRegion);
    const [there, ...sites] = await Promise.all([cluster, ...estate.sites].map((place) => place.inventory(schemas)));
    return { sites, cluster: there as Inventory };
  });
}
