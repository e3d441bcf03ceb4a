import type { Finding } from '../ports/finding.ts';
import type { EventFacts } from '../ports/inventory.ts';
import type { OrgTable } from '../ports/place.ts';
import { withConfirmed } from './confirmed.ts';
import type { Check } from './finding.ts';
import { readInventories } from './inventories.ts';

/**
 * Scheduled events that name an org-owned table. They run in the server, past every proxy: at a site the fence refuses
 * them as a whole once one of their orgs has moved, at a cluster they do once more what the site's have done.
 */
export const eventFindings: Check = async (estate, { homeRegion }) => {
  const { sites, cluster } = await readInventories(estate, homeRegion);
  const found = [...sites, cluster].flatMap(({ place, events }) =>
    events
      .filter(({ enabled }) => enabled)
      .flatMap((event) => {
        const tables = tablesIn(event, estate.tables);
        return tables.length === 0 ? [] : [{ object: `${event.schema}.${event.name}`, tables, place }];
      }),
  );
  return withConfirmed(
    estate.catalogue,
    [...Map.groupBy(found, ({ object }) => object)].map(([object, at]): Finding => {
      const places = at.map(({ place }) => place);
      return {
        code: 'EVENT_ON_TABLE',
        severity: 'refuse',
        message: `the event ${object} (${places.join(', ')}) works on ${at[0]?.tables.join(', ')} past the proxies`,
        remedy:
          'Have a job do it through the proxies, org by org, and disable the event; where it only reads, confirm it in the catalogue.',
        evidence: { object, tables: at[0]?.tables, places },
      };
    }),
  );
};

function tablesIn({ definition }: EventFacts, tables: readonly OrgTable[]): string[] {
  const words = new Set(definition.toLowerCase().match(/[\w$]+/g));
  return tables.filter(({ table }) => words.has(table.toLowerCase())).map(({ table }) => table);
}
