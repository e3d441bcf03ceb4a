import { schemasOf } from '../catalogue/catalogue.ts';
import { clusterOf, type Estate } from '../estate/estate.ts';
import type { Inventory } from '../ports/inventory.ts';

/** What the places of a move have in the catalogue's schemas. */
export interface Inventories {
  readonly sites: readonly Inventory[];
  readonly cluster: Inventory;
}

/** Reads that are under way, by estate and region: several questions of one preflight share them. */
const underWay = new WeakMap<object, Map<string, Promise<Inventories>>>();

/** Asks every site and the cluster, once for all who ask at the same time. */
export function readInventories(
  estate: Pick<Estate, 'sites' | 'clusters' | 'catalogue'>,
  homeRegion: string,
): Promise<Inventories> {
  const reads = underWay.get(estate) ?? new Map<string, Promise<Inventories>>();
  underWay.set(estate, reads);
  const known = reads.get(homeRegion);
  if (known !== undefined) return known;
  const read = ask(estate, homeRegion).finally(() => reads.delete(homeRegion));
  reads.set(homeRegion, read);
  return read;
}

async function ask(estate: Pick<Estate, 'sites' | 'clusters' | 'catalogue'>, homeRegion: string): Promise<Inventories> {
  const schemas = schemasOf(estate.catalogue);
  const cluster = clusterOf(estate, homeRegion);
  const [there, ...sites] = await Promise.all([cluster, ...estate.sites].map((place) => place.inventory(schemas)));
  return { sites, cluster: there as Inventory };
}
