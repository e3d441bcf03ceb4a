import type { Finding } from '../ports/finding.ts';
import type { OrgTable, Place } from '../ports/place.ts';
import type { TableIds } from '../ports/settings.ts';
import type { PlaceIds } from './ids.ts';

/**
 * The cluster's counter of one table against what a site has handed out. Ids that the site gave out since the offsets were
 * shared out are none that the cluster will: those before it are of every kind, and the cluster would give them out again.
 * So an id of the cluster's own kind among the next ones refuses; that the site has merely counted on is a warning.
 */
export async function countersFinding(
  { place: site, ids }: PlaceIds,
  { place: cluster, ids: there }: PlaceIds,
  table: OrgTable,
  at: TableIds,
): Promise<Finding[]> {
  const maxId = ids.tables.find((each) => each.table === at.table)?.maxId ?? null;
  if (maxId === null || BigInt(maxId) < BigInt(at.nextId)) return [];
  const step = BigInt(there.increment);
  const kind = BigInt(there.offset > there.increment ? 1 : there.offset) % step;
  const next = await site.idsFrom(table, at.column, at.nextId);
  const ofItsKind = next.filter((id) => BigInt(id) % step === kind);
  // Asked behind the site: what the cluster has handed out meanwhile, and a task has carried back, is none it will again.
  const now = ofItsKind.length === 0 ? at : await counterNow(cluster, table, at);
  const taken = ofItsKind.find((id) => BigInt(id) >= BigInt(now.nextId));
  const name = `${table.schema}.${table.table}`;
  return [
    {
      code: 'ID_COUNTER_TOO_LOW',
      severity: taken === undefined ? 'warn' : 'refuse',
      message:
        taken === undefined
          ? `${cluster.name} goes on in ${name} at ${at.nextId}, below ${maxId} at ${site.name}; of its own ids none was found there`
          : `${cluster.name} goes on in ${name} at ${now.nextId} and would hand out ${taken}, which ${site.name} has`,
      remedy: `Raise AUTO_INCREMENT of ${name} at ${cluster.name} above the greatest id of every site.`,
      evidence: {
        table: name,
        site: site.name,
        maxId,
        cluster: cluster.name,
        nextId: now.nextId,
        taken: taken ?? null,
      },
    },
  ];
}

async function counterNow(cluster: Place, table: OrgTable, before: TableIds): Promise<TableIds> {
  const { tables } = await cluster.autoIncrement([table]);
  return tables.find((each) => each.table === before.table) ?? before;
}
