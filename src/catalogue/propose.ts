import type { Inventory, TableFacts } from '../ports/inventory.ts';
import { nameOf } from './catalogue.ts';
import { absentAt, type Obstacle, obstaclesOf, orgColumnObstacles, ownersOf } from './obstacles.ts';
import { orgColumnNames, orgColumnsOf } from './orgColumns.ts';
import { uniqueKeysWithoutOrg } from './uniqueKeys.ts';

/** What a table seems to be. `unmovable`: it has rows of orgs, and no filter can move them as it is. */
export type Kind = 'orgOwned' | 'tech' | 'unmovable';

/** One table of the sites, with a proposal. */
export interface Proposal {
  readonly schema: string;
  readonly table: string;
  readonly kind: Kind;
  /** Null in a tech table, and where none or several come into question. */
  readonly orgColumn: string | null;
  /** Why it cannot be moved by a filter; empty otherwise. */
  readonly obstacles: readonly Obstacle[];
  /** Unique keys of which somebody has to say that they are unique over all orgs and places. */
  readonly uniqueKeysToConfirm: readonly string[];
  readonly triggers: readonly string[];
  /** The server's estimate of its rows. */
  readonly estimatedRows: number;
  /** Places that have it. */
  readonly at: readonly string[];
}

/**
 * Judges every table that a site has. `known` are names of org columns that the configuration uses. What the clusters
 * have decides nothing: an empty cluster has no table yet.
 */
export function propose(places: readonly Inventory[], known: readonly string[]): readonly Proposal[] {
  const names = orgColumnNames(known);
  const sites = places.filter(({ kind }) => kind === 'site');
  const all = new Map<string, TableFacts>();
  for (const facts of sites.flatMap(({ tables }) => tables)) {
    if (!all.has(nameOf(facts))) all.set(nameOf(facts), facts);
  }
  const owned = [...all.values()].filter((facts) => orgColumnsOf(facts, names).length > 0);
  return [...all.values()]
    .map((facts) => proposal(facts, { places, sites, names, owned }))
    .sort((one, other) => (nameOf(one) < nameOf(other) ? -1 : 1));
}

interface Surroundings {
  readonly places: readonly Inventory[];
  readonly sites: readonly Inventory[];
  readonly names: readonly string[];
  readonly owned: readonly TableFacts[];
}

function proposal(facts: TableFacts, { places, sites, names, owned }: Surroundings): Proposal {
  const { schema, table } = facts;
  const columns = orgColumnsOf(facts, names);
  const owners = columns.length > 0 ? [] : ownersOf(facts, owned);
  const rowsOfOrgs = columns.length > 0 || owners.length > 0;
  const versions = places.flatMap(({ place, tables }) =>
    tables.filter((one) => nameOf(one) === nameOf(facts)).map((one) => ({ place, one })),
  );
  const obstacles: Obstacle[] = rowsOfOrgs
    ? [
        ...orgColumnObstacles(facts, columns),
        ...(owners.length === 0 ? [] : [throughOthers(owners)]),
        ...versions.flatMap(({ place, one }) => obstaclesOf(one, place)),
        ...absentAt(facts, sites).map(
          (place): Obstacle => ({ reason: 'notAtEverySite', text: `${place} has no such table` }),
        ),
      ]
    : [];
  const orgColumn = columns.length === 1 ? (columns[0] ?? null) : null;
  const kind: Kind = obstacles.length > 0 ? 'unmovable' : rowsOfOrgs ? 'orgOwned' : 'tech';
  return {
    schema,
    table,
    kind,
    orgColumn,
    obstacles,
    uniqueKeysToConfirm: orgColumn === null ? [] : uniqueKeysWithoutOrg(facts, orgColumn).map(({ name }) => name),
    triggers: facts.triggers.map(({ name }) => name),
    estimatedRows: facts.estimatedRows,
    at: versions.map(({ place }) => place),
  };
}

function throughOthers(owners: readonly string[]): Obstacle {
  return {
    reason: 'ownedThroughAnother',
    text: `no org column, but its rows belong to those of ${owners.join(', ')}: a filter cannot tell whose they are`,
  };
}
