import { createConnection, type ResultSetHeader, type RowDataPacket } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  countOrgRows,
  createAccounts,
  createBigDbSchema,
  createCoreDb,
  createOrgSchemas,
  EVERY_TYPE_CASES,
  insertEveryTypeSql,
  labOrgIds,
  makeAccounts,
  ORG_TABLES,
  orgSchemaName,
  raiseAutoIncrements,
  seedOrgs,
} from '../../infra/lab/bigdb/index.ts';
import {
  clusterIdVariables,
  type DatabaseServer,
  makeTempFolder,
  onServer,
  removeFolder,
  type Sites,
  startCluster,
  startSites,
} from '../../infra/lab/databases/index.ts';

const ORGS = labOrgIds(5);
const ROWS_PER_ORG = 2_000;
const accounts = makeAccounts(ORGS);

let folder: string;
let sites: Sites;
let cluster: DatabaseServer;
let servers: DatabaseServer[];
beforeAll(async () => {
  folder = await makeTempFolder('bigdb-test-');
  [sites, cluster] = await Promise.all([
    startSites({ baseDir: folder }),
    startCluster({ name: 'eu-west-2', baseDir: folder, variables: clusterIdVariables(0) }),
  ]);
  servers = [...sites.sites.map((site) => site.server), cluster];
  for (const server of servers) {
    await createBigDbSchema(server, server === cluster ? 'cluster' : 'site');
    await createAccounts(server, accounts);
    await createOrgSchemas(server, ORGS);
  }
  await seedOrgs({ site: sites.site('lon1').server, orgs: ORGS, rowsPerOrg: ROWS_PER_ORG });
  await sites.waitUntilInStep();
});
afterAll(async () => {
  await Promise.all([sites?.stop(), cluster?.stop()]);
  await removeFolder(folder);
});

async function query(server: DatabaseServer, sql: string, values: unknown[] = []): Promise<RowDataPacket[]> {
  const [rows] = await onServer(server, (c) =>
    c.query<RowDataPacket[]>({
      sql,
      values,
      dateStrings: true,
      supportBigNumbers: true,
      bigNumberStrings: true,
    }),
  );
  return rows.map((row) => ({ ...row }) as RowDataPacket);
}

describe('the schema', () => {
  test('has, in every org-owned table, a primary key, an index that begins with OrgID, and the same columns everywhere', async () => {
    const columnsSql = `SELECT table_name AS t, column_name AS c, is_nullable AS n FROM information_schema.columns
      WHERE table_schema = 'BigDB' AND table_name <> 'Toolbox' ORDER BY 1, ordinal_position`;
    const expected = await query(servers[0] as DatabaseServer, columnsSql);
    for (const server of servers) {
      expect(await query(server, columnsSql)).toEqual(expected);
      for (const { name, primaryKey } of ORG_TABLES) {
        const indexes = await query(
          server,
          `SELECT index_name AS name, column_name AS col FROM information_schema.statistics
           WHERE table_schema = 'BigDB' AND table_name = ? ORDER BY index_name, seq_in_index`,
          [name],
        );
        expect(indexes.filter((row) => row.name === 'PRIMARY').map((row) => row.col)).toEqual(primaryKey);
        const firsts = new Map(indexes.toReversed().map((row) => [row.name, row.col]));
        expect([...firsts.values()], `${name} at ${server.name}`).toContain('OrgID');
      }
    }
  });

  test('has tech tables at the sites only', async () => {
    const sql =
      "SELECT COUNT(*) AS n FROM information_schema.tables WHERE table_schema = 'BigDB' AND table_name = 'Toolbox'";
    const counts = await Promise.all(servers.map(async (server) => Number((await query(server, sql))[0]?.n)));
    expect(counts).toEqual([1, 1, 0]);
  });

  test("hands out ids at a cluster that are above every site's and of an offset of its own", async () => {
    const all = sites.sites.map((site) => site.server);
    await raiseAutoIncrements(cluster, all);
    const [top] = await query(sites.site('lon1').server, 'SELECT MAX(CallLogID) AS top FROM BigDB.CallLogs');
    const [result] = await onServer(cluster, (c) =>
      c.query<ResultSetHeader>(
        "INSERT INTO BigDB.CallLogs (OrgID, StartedAt, Direction, CallerNumber, CalleeNumber, SipCallId) VALUES (4, NOW(6), 'in', '', '', '')",
      ),
    );
    expect(result.insertId).toBeGreaterThan(Number(top?.top));
    expect(result.insertId % 8).toBe(3);
    await onServer(cluster, (c) => c.query('DELETE FROM BigDB.CallLogs'));
  });
});

describe('the seed', () => {
  test('has orgs of uneven size whose ids are prefixes of each other, at both sites alike', async () => {
    expect(ORGS.slice(0, 3)).toEqual([4, 42, 420]);
    const sizes: number[] = [];
    for (const orgId of ORGS) {
      const [first, second] = await Promise.all(sites.sites.map((site) => countOrgRows(site.server, orgId)));
      expect(second).toEqual(first);
      expect([...(first ?? new Map()).keys()].toSorted()).toEqual(ORG_TABLES.map((table) => table.name).toSorted());
      sizes.push([...(first ?? new Map<string, number>()).values()].reduce((sum, n) => sum + n, 0));
    }
    expect(Math.min(...sizes)).toBeGreaterThanOrEqual(ROWS_PER_ORG * 0.95);
    expect(Math.max(...sizes)).toBeGreaterThan(Math.min(...sizes) * 2);
  });

  test('has every edge: NULL, zero and partial dates, microseconds, characters beyond the basic plane, megabytes', async () => {
    const [edge] = await query(
      sites.site('lon2').server,
      `SELECT
         (SELECT COUNT(*) FROM BigDB.EveryType WHERE OrgID = 42) AS everyType,
         (SELECT COUNT(*) FROM BigDB.EveryType WHERE OrgID = 42 AND DateTimeMicros = '0000-00-00 00:00:00') AS zeroDates,
         (SELECT COUNT(*) FROM BigDB.EveryType WHERE OrgID = 42 AND DateValue = '2019-00-00') AS partialDates,
         (SELECT COUNT(*) FROM BigDB.EveryType WHERE OrgID = 42 AND BigUnsigned = 18446744073709551615) AS bigUnsigned,
         (SELECT COUNT(*) FROM BigDB.EveryType WHERE OrgID = 42 AND IntSigned IS NULL AND JsonValue IS NULL AND DateValue IS NULL) AS nulls,
         (SELECT COUNT(*) FROM BigDB.CallLogs WHERE OrgID = 42 AND MICROSECOND(StartedAt) > 0) AS micros,
         (SELECT COUNT(*) FROM BigDB.CallLogs WHERE OrgID = 42 AND CallerName LIKE '%😀') AS emoji,
         (SELECT MAX(LENGTH(Content)) FROM BigDB.ApplicationBlob WHERE OrgID = 42) AS largest,
         (SELECT COUNT(*) FROM BigDB.ApplicationBlob WHERE OrgID = 42 AND Content IS NULL) AS nullBlobs,
         (SELECT COUNT(*) FROM BigDB.WholesaleCallCostCache WHERE OrgID = 42 AND ValidFrom = '0000-00-00') AS zeroDays`,
    );
    const { largest, everyType, ...others } = edge as Record<string, unknown>;
    expect(Number(everyType)).toBe(EVERY_TYPE_CASES.length);
    expect(Number(largest)).toBeGreaterThan(2_500_000);
    for (const [name, count] of Object.entries(others)) expect(Number(count), name).toBeGreaterThan(0);
  });

  test('fills every column of EveryType somewhere, but for the generated one', async () => {
    const rows = await query(
      cluster,
      `SELECT column_name AS name FROM information_schema.columns
       WHERE table_schema = 'BigDB' AND table_name = 'EveryType' AND is_nullable = 'YES' AND generation_expression = ''`,
    );
    const filled = new Set(EVERY_TYPE_CASES.flatMap((one) => Object.keys(one.columns)));
    expect([...filled].toSorted()).toEqual(rows.map((row) => row.name).toSorted());
  });

  test('stores every type at a cluster as at a site', async () => {
    await onServer(cluster, (c) => c.query(insertEveryTypeSql(42)));
    const sql =
      'SELECT *, CAST(JsonValue AS CHAR) AS jsonText FROM BigDB.EveryType WHERE OrgID = 42 ORDER BY EveryTypeID';
    const [there, here] = await Promise.all([query(cluster, sql), query(sites.site('lon1').server, sql)]);
    // MySQL spells a JSON document in its own way.
    const comparable = ({ EveryTypeID, WriteSide, JsonValue, jsonText, ...rest }: RowDataPacket) => ({
      ...rest,
      json: JSON.parse(jsonText ?? '"SQL NULL"'),
    });
    expect(there.map(comparable)).toEqual(here.map(comparable));
    expect(there).toHaveLength(EVERY_TYPE_CASES.length);
  });
});

describe('the accounts', () => {
  test("an org's clients write through BigDB and through their own schema, and say so by USER()", async () => {
    const account = accounts.orgs.get(42);
    if (account === undefined) throw new Error('no account for org 42');
    for (const [index, server] of servers.entries()) {
      for (const database of ['BigDB', orgSchemaName(42)]) {
        const connection = await createConnection({ host: server.host, port: server.port, ...account, database });
        try {
          const [inserted] = await connection.execute<ResultSetHeader>(
            "INSERT INTO CdrTasks (OrgID, CdrRef, Payload) VALUES (42, RANDOM_BYTES(16), 'x')",
          );
          const [updated] = await connection.execute<ResultSetHeader>(
            "UPDATE CdrTasks SET Status = 'open', WriteSide = DEFAULT WHERE OrgID = 42 AND TaskID = ?",
            [inserted.insertId],
          );
          expect(updated.affectedRows).toBe(1);
          const [rows] = await connection.query<RowDataPacket[]>(
            'SELECT WriteSide AS side, USER() AS user FROM CdrTasks WHERE TaskID = ?',
            [inserted.insertId],
          );
          expect(rows[0]).toMatchObject({ side: index + 1, user: expect.stringMatching(/^org_42@/) });
          await connection.query('DELETE FROM CdrTasks WHERE OrgID = 42 AND TaskID = ?', [inserted.insertId]);
        } finally {
          await connection.end();
        }
      }
    }
  });

  test("the controller's account may do what a cutover needs, without SUPER", async () => {
    for (const server of servers) {
      const connection = await createConnection({
        host: server.host,
        port: server.port,
        ...accounts.cutover,
        multipleStatements: true,
      });
      try {
        // One server's DDL would replicate to the other site.
        await connection.query('CREATE DATABASE IF NOT EXISTS bigdb_cutover');
        await connection.query('CREATE OR REPLACE VIEW bigdb_cutover.v AS SELECT 1 AS one; DROP VIEW bigdb_cutover.v');
        await connection.query(
          'CREATE TRIGGER BigDB.t BEFORE INSERT ON BigDB.EveryType FOR EACH ROW SET NEW.Flag = TRUE',
        );
        await connection.query('DROP TRIGGER BigDB.t');
        await connection.query('XA RECOVER');
        await connection.query('SHOW FULL PROCESSLIST');
        await connection.query('SHOW BINARY LOGS');
        await connection.query(
          server.flavour === 'mysql' ? 'SELECT COUNT(*) FROM performance_schema.metadata_locks' : 'SHOW SLAVE STATUS',
        );
        const [grants] = await connection.query<RowDataPacket[]>('SHOW GRANTS');
        expect(JSON.stringify(grants)).not.toContain('SUPER');
      } finally {
        await connection.end();
      }
      await sites.waitUntilInStep();
    }
  });

  test('CoreDB knows home regions, and orgs without one', async () => {
    const server = sites.site('lon1').server;
    await createCoreDb(server, [
      { orgId: 4, homeRegion: 'eu-west-2' },
      { orgId: 42, homeRegion: null },
    ]);
    expect(await query(server, 'SELECT OrgID, HomeRegion FROM CoreDB.Organisation ORDER BY OrgID')).toEqual([
      { OrgID: 4, HomeRegion: 'eu-west-2' },
      { OrgID: 42, HomeRegion: null },
    ]);
  });
});
