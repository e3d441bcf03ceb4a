import type { Connection } from 'mysql2/promise';
import { z } from 'zod';
import { type FenceTableFault, FenceTablesUnfitError, WrongPlaceError } from '../errors/index.ts';
import type { OrgTable } from '../ports/place.ts';
import type { FenceCluster, FencePlan, FenceSite } from './plan.ts';
import { CONTROL_SCHEMA } from './schema.ts';
import { select } from './sql.ts';

const text = z.union([z.string(), z.instanceof(Buffer)]).transform(String);
const columnRow = z.object({ name: text });
const serverIdRow = z.object({ serverId: z.number() });
const identityRow = z.object({ kind: text, name: text, homeRegion: text });
const foundRow = z.object({ found: z.number() });

/** Throws where a connection leads elsewhere or a table cannot be fenced, before anything is changed anywhere. */
export async function checkPlan({ sites, clusters, tables }: FencePlan): Promise<void> {
  for (const site of sites) await checkSite(site);
  for (const cluster of clusters) {
    const found = await clusterIdentity(cluster.connection);
    if (found !== null && !isIdentityOf(cluster, found)) {
      throw new WrongPlaceError(cluster.name, `${found.kind} ${found.name} (${found.homeRegion})`);
    }
  }
  const faults: FenceTableFault[] = [];
  for (const { name, connection } of [...sites, ...clusters]) {
    for (const table of tables) {
      const fault = await faultOf(connection, table);
      if (fault !== null) faults.push({ place: name, table: `${table.schema}.${table.table}`, fault });
    }
  }
  if (faults.length > 0) throw new FenceTablesUnfitError(faults);
}

async function checkSite({ name, serverId, connection }: FenceSite): Promise<void> {
  const [row] = await select(connection, serverIdRow, 'SELECT @@GLOBAL.server_id AS serverId');
  if (row?.serverId !== serverId) throw new WrongPlaceError(name, `server id ${row?.serverId}, not ${serverId}`);
}

async function faultOf(connection: Connection, table: OrgTable): Promise<string | null> {
  const columns = await select(
    connection,
    columnRow,
    'SELECT COLUMN_NAME AS name FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?',
    [table.schema, table.table],
  );
  if (columns.length === 0) return 'does not exist';
  const wanted = table.orgColumn.toLowerCase();
  return columns.some((column) => column.name.toLowerCase() === wanted) ? null : `has no column ${table.orgColumn}`;
}

/** Who a cluster says that it is. */
export type ClusterIdentity = z.infer<typeof identityRow>;

export function isIdentityOf({ name, homeRegion }: FenceCluster, found: ClusterIdentity): boolean {
  return found.kind === 'cluster' && found.name === name && found.homeRegion === homeRegion;
}

/** Null where the cluster has no identity yet. */
export async function clusterIdentity(connection: Connection): Promise<ClusterIdentity | null> {
  if (!(await tableExists(connection, 'identity'))) return null;
  const [row] = await select(
    connection,
    identityRow,
    `SELECT kind, name, home_region AS homeRegion FROM ${CONTROL_SCHEMA}.identity`,
  );
  return row ?? null;
}

/** True where the control schema has the table. */
export async function tableExists(connection: Connection, table: string): Promise<boolean> {
  const [row] = await select(
    connection,
    foundRow,
    'SELECT COUNT(*) AS found FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?',
    [CONTROL_SCHEMA, table],
  );
  return row?.found === 1;
}
