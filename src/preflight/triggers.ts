import { TRIGGER_PREFIX } from '../fence/schema.ts';
import type { Finding } from '../ports/finding.ts';
import { withConfirmed } from './confirmed.ts';
import type { Check } from './finding.ts';
import { readInventories } from './inventories.ts';

/** Triggers on org-owned tables beside the fence's: a task that applies rows fires them once more. */
export const triggerFindings: Check = async (estate, { homeRegion }) => {
  const { sites, cluster } = await readInventories(estate, homeRegion);
  const found = [...sites, cluster].flatMap(({ place, tables }) =>
    tables
      .filter(({ schema, table }) => estate.tables.some((each) => each.schema === schema && each.table === table))
      .flatMap(({ schema, table, triggers }) =>
        triggers
          .filter(({ name }) => !name.startsWith(TRIGGER_PREFIX))
          .map(({ name, timing, event }) => ({
            object: `${schema}.${table}.${name}`,
            when: `${timing} ${event}`,
            place,
          })),
      ),
  );
  return withConfirmed(
    estate.catalogue,
    [...Map.groupBy(found, ({ object }) => object)].map(([object, at]): Finding => {
      const places = at.map(({ place }) => place);
      return {
        code: 'TABLE_HAS_TRIGGER',
        severity: 'refuse',
        message: `the trigger ${object} (${places.join(', ')}) runs again for every row that a task applies there`,
        remedy:
          'Do its work in the application and drop it; where it leaves alone what the tasks’ users write, confirm it in the catalogue.',
        evidence: { object, when: at[0]?.when, places },
      };
    }),
  );
};
