import type { Inventory } from '../ports/inventory.ts';
import type { Place } from '../ports/place.ts';
import type { Catalogue } from './catalogue.ts';
import { type Drift, driftOf } from './drift.ts';
import { type Proposal, propose } from './propose.ts';
import { catalogueYaml, proposedCatalogue } from './yaml.ts';

/** What the databases have, what is proposed of it, and where the confirmed catalogue is another. */
export interface Discovery {
  readonly places: readonly string[];
  readonly proposals: readonly Proposal[];
  /** Null where nothing is confirmed yet. */
  readonly confirmedVersion: number | null;
  readonly drift: readonly Drift[];
  readonly proposed: Catalogue;
  /** The piece for the configuration. */
  readonly yaml: string;
}

/** Asks every site and cluster. `orgColumns` are names that are known to be org columns. */
export async function discover(
  places: readonly Pick<Place, 'inventory'>[],
  confirmed: Catalogue | null,
  orgColumns: readonly string[],
  schemas: readonly string[] | null,
): Promise<Discovery> {
  const inventories: readonly Inventory[] = await Promise.all(places.map((place) => place.inventory(schemas)));
  const known = [...(confirmed?.tables ?? []).map(({ orgColumn }) => orgColumn), ...orgColumns];
  const proposals = propose(inventories, known);
  return {
    places: inventories.map(({ place }) => place),
    proposals,
    confirmedVersion: confirmed?.version ?? null,
    drift: confirmed === null ? [] : driftOf(confirmed, proposals),
    proposed: proposedCatalogue(proposals, confirmed),
    yaml: catalogueYaml(proposals, confirmed),
  };
}
