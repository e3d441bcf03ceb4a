import type { Connection, RowDataPacket } from 'mysql2/promise';
import { type DatabaseAddress, onServer } from '../databases/index.ts';
import { BIGDB_SCHEMA, createTableSql, ORG_COLUMN, ORG_TABLES, TECH_TABLES } from './tables.ts';

/**
 * Runs set-up statements that stay out of the binlog: every server of the lab is set up on its own, so nothing of it
 * has to replicate, and no task that reads a binlog from its start meets it.
 */
export async function setUpServer<T>(
  server: DatabaseAddress,
  work: (connection: Connection) => Promise<T>,
): Promise<T> {
  return onServer(server, async (connection) => {
    await connection.query('SET SESSION sql_log_bin = 0');
    return work(connection);
  });
}

/**
 * Creates the BigDB schema, empty. A cluster gets the org-owned tables only.
 *
 * @param server its server id becomes the default of every table's WriteSide
 */
export async function createBigDbSchema(server: DatabaseAddress, kind: 'site' | 'cluster'): Promise<void> {
  const tables = [...ORG_TABLES.map((table) => table.name), ...(kind === 'site' ? TECH_TABLES : [])];
  await setUpServer(server, async (connection) => {
    const [rows] = await connection.query<RowDataPacket[]>('SELECT @@server_id AS side');
    await connection.query(`CREATE DATABASE ${BIGDB_SCHEMA} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci`);
    for (const table of tables) await connection.query(await createTableSql(table, Number(rows[0]?.side)));
  });
}

/** Name of the schema through which one org's clients come where orgs are told apart by schema. */
export function orgSchemaName(orgId: number): string {
  return `${BIGDB_SCHEMA}_${orgId}`;
}

/**
 * Creates each org's schema: updatable views of the org-owned tables. The views run with the caller's rights, so
 * there is no definer who could go missing.
 */
export async function createOrgSchemas(server: DatabaseAddress, orgIds: readonly number[]): Promise<void> {
  await setUpServer(server, async (connection) => {
    for (const orgId of orgIds) {
      const schema = orgSchemaName(orgId);
      const views = ORG_TABLES.map(
        ({ name }) => `CREATE SQL SECURITY INVOKER VIEW ${schema}.${name} AS SELECT * FROM ${BIGDB_SCHEMA}.${name}`,
      );
      await connection.query([`CREATE DATABASE ${schema}`, ...views].join(';\n'));
    }
  });
}

/** Rows of one org in all its tables. */
export async function countOrgRows(server: DatabaseAddress, orgId: number): Promise<ReadonlyMap<string, number>> {
  return onServer(server, async (connection) => {
    const counts = new Map<string, number>();
    for (const { name } of ORG_TABLES) {
      const [rows] = await connection.query<RowDataPacket[]>(
        `SELECT COUNT(*) AS n FROM ${BIGDB_SCHEMA}.${name} WHERE ${ORG_COLUMN} = ?`,
        [orgId],
      );
      counts.set(name, Number(rows[0]?.n));
    }
    return counts;
  });
}

/**
 * Raises every AUTO_INCREMENT of a cluster above the highest number at any site. Disjoint offsets alone do not do: rows
 * from before the offsets were shared out hold numbers of every kind.
 *
 * @param headroom how far above, in numbers
 */
export async function raiseAutoIncrements(
  cluster: DatabaseAddress,
  sites: readonly DatabaseAddress[],
  headroom = 100_000,
): Promise<void> {
  for (const { name, autoIncrement } of ORG_TABLES) {
    if (autoIncrement === null) continue;
    const highest = await Promise.all(
      sites.map((site) =>
        onServer(site, async (connection) => {
          const [rows] = await connection.query<RowDataPacket[]>(
            `SELECT COALESCE(MAX(${autoIncrement}), 0) AS top FROM ${BIGDB_SCHEMA}.${name}`,
          );
          return Number(rows[0]?.top);
        }),
      ),
    );
    await setUpServer(cluster, (connection) =>
      connection.query(`ALTER TABLE ${BIGDB_SCHEMA}.${name} AUTO_INCREMENT = ${Math.max(...highest) + headroom}`),
    );
  }
}
