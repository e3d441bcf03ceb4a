import type { Finding } from '../ports/finding.ts';
import type { Check } from './finding.ts';
import { readInventories } from './inventories.ts';
import { readSettings } from './placeSettings.ts';

const large = /(blob|text|json)/i;

/** A task's LOB limit follows the org's rows; a server's limit for one value does not. */
export const packetFindings: Check = async (estate, { homeRegion }) => {
  const [{ sites, cluster }, inventories] = await Promise.all([
    readSettings(estate, homeRegion),
    readInventories(estate, homeRegion),
  ]);
  const most = Math.max(0, ...sites.map(({ maxPacketBytes }) => maxPacketBytes));
  if (cluster.maxPacketBytes >= most) return [];
  const columns = inventories.cluster.tables
    .filter(({ schema, table }) => estate.tables.some((each) => each.schema === schema && each.table === table))
    .flatMap(({ table, columns: all }) =>
      all.filter(({ type }) => large.test(type)).map(({ name }) => `${table}.${name}`),
    );
  if (columns.length === 0) return [];
  return [
    {
      code: 'LOB_LIMIT_LOWER',
      severity: 'refuse',
      message: `${cluster.place} takes values of ${cluster.maxPacketBytes} bytes at most, the sites of ${most}: a larger one would stop the org’s task`,
      remedy: 'Raise max_allowed_packet in the cluster’s parameter group to that of the sites.',
      evidence: { cluster: cluster.place, maxPacketBytes: cluster.maxPacketBytes, sitesMaxPacketBytes: most, columns },
    } satisfies Finding,
  ];
};
