import type { Inventory, TableFacts } from '../ports/inventory.ts';
import { columnParity } from './columnParity.ts';
import type { Check } from './finding.ts';
import { readInventories } from './inventories.ts';
import { foreignKeyParity, keyParity } from './keyParity.ts';

/** The same table at two places. */
export interface Pair {
  readonly name: string;
  readonly here: TableFacts;
  readonly there: TableFacts;
  readonly places: readonly [here: string, there: string];
}

/**
 * What the shapes of the tables do not tell: character sets, collations, indexes, what is generated, and foreign keys.
 * Every place is compared with the first site, which the task reads.
 */
export const parityFindings: Check = async (estate, { homeRegion }) => {
  const { sites, cluster } = await readInventories(estate, homeRegion);
  const [first, ...others] = sites;
  if (first === undefined) return [];
  const pairs = [...others, cluster].flatMap((other) =>
    estate.tables.flatMap(({ schema, table }): Pair[] => {
      const [here, there] = [first, other].map(tableIn(schema, table));
      if (here === undefined || there === undefined) return [];
      return [{ name: `${schema}.${table}`, here, there, places: [first.place, other.place] }];
    }),
  );
  return pairs.flatMap((pair) => [...columnParity(pair), ...keyParity(pair), ...foreignKeyParity(pair)]);
};

const tableIn =
  (schema: string, table: string) =>
  ({ tables }: Inventory): TableFacts | undefined =>
    tables.find((each) => each.schema === schema && each.table === table);
