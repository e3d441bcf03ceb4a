import { nameOf } from '../catalogue/catalogue.ts';
import type { Check } from './finding.ts';
import { readInventories } from './inventories.ts';

/** Tech tables are not at the cluster: two of one name would be written apart without a word. */
export const techTableFindings: Check = async (estate, { homeRegion }) => {
  const { cluster } = await readInventories(estate, homeRegion);
  const tech = new Set(estate.catalogue.techTables.map(nameOf));
  return cluster.tables.map(nameOf).flatMap((name) =>
    tech.has(name)
      ? [
          {
            code: 'TECH_TABLE_AT_CLUSTER',
            severity: 'warn' as const,
            message: `${cluster.place} has the tech table ${name}: a statement that follows an org there is not refused`,
            remedy: 'Drop it there, or revoke every right on it.',
            evidence: { table: name, cluster: cluster.place },
          },
        ]
      : [],
  );
};
