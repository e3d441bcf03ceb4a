import { type Connection, createConnection } from 'mysql2/promise';
import { z } from 'zod';
import {
  type DatabaseServer,
  makeTempFolder,
  removeFolder,
  startCluster,
  startMariaDb,
} from '../../infra/lab/databases/index.ts';
import type { OrgTable, ReadView, TableShape } from '../../src/ports/place.ts';
import { type CompareOrgOptions, type ComparisonResult, compareOrg } from '../../src/verification/index.ts';

export const SCHEMA = 'BigDB';
export const ORG = 42;

/** A site and a cluster with an empty schema, and connections to both. */
export interface World {
  readonly site: Side;
  readonly cluster: Side;
  close(): Promise<void>;
}

export interface Side {
  readonly server: DatabaseServer;
  /** Runs one statement and gives its rows. */
  sql(statement: string): Promise<unknown[]>;
  /** Views of the live side, or of this moment; `set` is an assignment to a session variable. They close with the world. */
  views(count: number, options?: { pinned?: boolean; set?: string }): Promise<ReadView[]>;
  shapes(tables: readonly OrgTable[]): Promise<TableShape[]>;
}

export async function startWorld(): Promise<World> {
  const baseDir = await makeTempFolder('bigdb-cutover-verification-');
  const started = await Promise.allSettled([
    startMariaDb({ name: 'lon1', baseDir }),
    startCluster({ name: 'cluster', baseDir }),
  ]);
  const servers = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const connections: Connection[] = [];
  const close = async () => {
    for (const connection of connections) connection.destroy();
    await Promise.all(servers.map((server) => server.stop()));
    await removeFolder(baseDir);
  };
  const [site, cluster] = servers;
  if (site === undefined || cluster === undefined) {
    await close();
    throw new AggregateError(started.map((one) => (one.status === 'rejected' ? one.reason : undefined)));
  }
  const sides = [await sideOf(site, connections), await sideOf(cluster, connections)] as const;
  await Promise.all(sides.map((side) => side.sql(`CREATE DATABASE ${SCHEMA} CHARACTER SET utf8mb4`)));
  return { site: sides[0], cluster: sides[1], close };
}

const rowsOf = z.array(z.record(z.string(), z.union([z.string(), z.instanceof(Buffer), z.null()])));

async function connect(server: DatabaseServer, connections: Connection[]): Promise<Connection> {
  const { host, port, user, password } = server;
  const connection = await createConnection({
    host,
    port,
    user,
    password,
    charset: 'utf8mb4',
    typeCast: (field) => field.buffer()?.toString('utf8') ?? null,
  });
  connections.push(connection);
  await connection.query("SET SESSION time_zone = '+00:00', sql_mode = 'STRICT_TRANS_TABLES'");
  return connection;
}

async function sideOf(server: DatabaseServer, connections: Connection[]): Promise<Side> {
  const admin = await connect(server, connections);
  const sql = async (statement: string): Promise<unknown[]> => {
    const [rows] = await admin.query(statement);
    return Array.isArray(rows) ? rows : [];
  };
  return {
    server,
    sql,
    views: (count, { pinned = false, set } = {}) =>
      Promise.all(
        Array.from({ length: count }, async () => {
          const connection = await connect(server, connections);
          if (set !== undefined) await connection.query(`SET SESSION ${set}`);
          if (pinned) {
            await connection.query('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ');
            await connection.query('START TRANSACTION WITH CONSISTENT SNAPSHOT');
          }
          return {
            query: async (statement: string) => rowsOf.parse((await connection.query(statement))[0]),
            close: async () => connection.destroy(),
          };
        }),
      ),
    shapes: (tables) => Promise.all(tables.map((table) => shapeOf(sql, table))),
  };
}

const columnRow = z.object({
  name: z.string(),
  type: z.string(),
  nullable: z.string(),
  characterSet: z.string().nullable(),
  collation: z.string().nullable(),
});

async function shapeOf(sql: Side['sql'], { schema, table }: OrgTable): Promise<TableShape> {
  const where = `WHERE TABLE_SCHEMA = '${schema}' AND TABLE_NAME = '${table}'`;
  const columns = z.array(columnRow).parse(
    await sql(`SELECT COLUMN_NAME AS name, COLUMN_TYPE AS type, IS_NULLABLE AS nullable,
      CHARACTER_SET_NAME AS characterSet, COLLATION_NAME AS collation
      FROM information_schema.COLUMNS ${where} ORDER BY ORDINAL_POSITION`),
  );
  const key = z.array(z.object({ name: z.string() })).parse(
    await sql(`SELECT COLUMN_NAME AS name FROM information_schema.STATISTICS ${where}
      AND INDEX_NAME = 'PRIMARY' ORDER BY SEQ_IN_INDEX`),
  );
  return {
    table,
    exists: columns.length > 0,
    primaryKey: key.map(({ name }) => name),
    columns: columns.map((column) => ({ ...column, nullable: column.nullable === 'YES', generated: false })),
  };
}

export function orgTable(table: string): OrgTable {
  return { schema: SCHEMA, table, orgColumn: 'OrgID' };
}

/** Runs the statement on both sides. */
export async function onBoth(world: World, statement: string): Promise<void> {
  await Promise.all([world.site.sql(statement), world.cluster.sql(statement)]);
}

/** Compares the tables of {@link ORG} on both live sides, two views each. */
export async function compare(
  world: World,
  tables: readonly string[],
  options: Partial<CompareOrgOptions> = {},
): Promise<ComparisonResult> {
  const orgTables = tables.map(orgTable);
  const [source, target] = await Promise.all(
    [world.site, world.cluster].map(async (side) => ({
      views: await side.views(2),
      shapes: await side.shapes(orgTables),
    })),
  );
  if (source === undefined || target === undefined) throw new Error('both sides were asked');
  try {
    return await compareOrg({ source, target, tables: orgTables, orgId: ORG, ...options });
  } finally {
    await Promise.all([...source.views, ...target.views].map((view) => view.close()));
  }
}

/** Number series 1..`rows` as a common table expression named `series(n)`, on both servers. */
export function series(rows: number): string {
  // Four digits of base 32: enough for a million rows without a server's recursion limit in the way.
  const digits = Array.from({ length: 32 }, (_, i) => `SELECT ${i} AS d`).join(' UNION ALL ');
  return `(SELECT 1 + a.d + b.d * 32 + c.d * 1024 + e.d * 32768 AS n FROM (${digits}) a, (${digits}) b, (${digits}) c,
    (${digits}) e HAVING n <= ${rows}) series`;
}
