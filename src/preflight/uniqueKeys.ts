import { uniqueKeysWithoutOrg } from '../catalogue/uniqueKeys.ts';
import type { Finding } from '../ports/finding.ts';
import { withConfirmed } from './confirmed.ts';
import type { Check } from './finding.ts';
import { readInventories } from './inventories.ts';

/** Unique keys in which a row born on a cluster can meet another org's that is replicated in. */
export const uniqueKeyFindings: Check = async (estate, { homeRegion }) => {
  const { sites, cluster } = await readInventories(estate, homeRegion);
  const found = estate.tables.flatMap(({ schema, table, orgColumn }) =>
    [...sites, cluster].flatMap(({ place, tables }) =>
      tables
        .filter((each) => each.schema === schema && each.table === table)
        .flatMap((each) => uniqueKeysWithoutOrg(each, orgColumn))
        .map((key) => ({ object: `${schema}.${table}.${key.name}`, columns: key.columns, place })),
    ),
  );
  const byObject = Map.groupBy(found, ({ object }) => object);
  return withConfirmed(
    estate.catalogue,
    [...byObject].map(
      ([object, at]): Finding => ({
        code: 'UNIQUE_KEY_WITHOUT_ORG',
        severity: 'refuse',
        message: `the unique key ${object} holds no org: a row born on one side can collide with another org’s that is replicated in`,
        remedy:
          'Put the org column into the key; where its values are unique over all orgs and places (a UUID), confirm it in the catalogue.',
        evidence: { object, columns: at[0]?.columns, places: at.map(({ place }) => place) },
      }),
    ),
  );
};
