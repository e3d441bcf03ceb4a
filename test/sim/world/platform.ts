import type { Connection } from 'mysql2/promise';
import { makeFenceRows, makeHeartbeatRows, makeProbeRows } from '../../../src/fence/enrolment.ts';
import { controlTables, identityTable } from '../../../src/fence/schema.ts';
import { fenceTriggers, type TriggerSide } from '../../../src/fence/triggers.ts';
import type { SimServer } from '../mysql/simServer.ts';
import { regions, tables, type WorldChoice } from './choice.ts';
import { clusterName, siteNames, users } from './config.ts';

/** Rows that each org has before anything begins, in each table. */
export const firstRows = 8;

const fenceUsers = { forward: [users.dms], reverse: [users.dms], exempt: [users.purge, users.cutover] };

/** A connection from within, in the form in which the fence's own functions want it. */
function within(server: SimServer): Connection {
  const session = server.local();
  const query = async (sql: string, values: readonly unknown[] = []) => {
    const result = await session.execute(sql, values);
    const rows = result.rows?.map((row) =>
      Object.fromEntries(result.columns.map((column, index) => [column, row[index] ?? null])),
    );
    return [rows ?? { affectedRows: result.affectedRows }, []];
  };
  return { query, execute: query } as unknown as Connection;
}

/** Schema, fence and first rows of a site or a cluster; nothing of it has to replicate. */
export async function setUpPlace(
  server: SimServer,
  place: 'site' | { homeRegion: string },
  choice: WorldChoice,
): Promise<void> {
  const connection = within(server);
  const run = (sql: string) => connection.query(sql);
  const orgIds = choice.orgs.map(({ orgId }) => orgId);
  await run('CREATE DATABASE BigDB');
  for (const orgId of choice.routing === 'schema' ? orgIds : []) await run(`CREATE DATABASE BigDB_${orgId}`);
  for (const table of tables) {
    await run(
      `CREATE TABLE BigDB.${table} (OrgID INT NOT NULL, ID BIGINT NOT NULL, Version BIGINT NOT NULL, PRIMARY KEY (OrgID, ID)) ENGINE = InnoDB`,
    );
    if (place !== 'site') continue;
    const rows = orgIds.flatMap((orgId) => Array.from({ length: firstRows }, (_, id) => `(${orgId}, ${id + 1}, 1)`));
    await run(`INSERT INTO BigDB.${table} (OrgID, ID, Version) VALUES ${rows.join(', ')}`);
  }
  for (const statement of controlTables()) await run(statement);
  let side: TriggerSide;
  if (place === 'site') {
    side = { kind: 'sites', places: siteNames.map((name, index) => ({ name, serverId: index + 1 })) };
    for (const name of siteNames) {
      await makeProbeRows(connection, name);
      await makeFenceRows(connection, name, orgIds, 'clients');
      await makeHeartbeatRows(connection, name, orgIds);
    }
    for (const region of regions) await makeHeartbeatRows(connection, clusterName(region), orgIds);
  } else {
    const name = clusterName(place.homeRegion);
    side = { kind: 'cluster', name };
    await run(identityTable());
    await run(
      `INSERT INTO bigdb_cutover.identity (singleton, kind, name, home_region) VALUES (1, 'cluster', '${name}', '${place.homeRegion}')`,
    );
    await makeProbeRows(connection, name);
    await makeFenceRows(connection, name, orgIds, 'nobody');
    await makeHeartbeatRows(connection, name, orgIds);
  }
  for (const table of tables) {
    for (const { createSql } of fenceTriggers({ schema: 'BigDB', table, orgColumn: 'OrgID' }, side, fenceUsers))
      await run(createSql);
  }
}

export async function setUpCoreDb(server: SimServer, choice: WorldChoice): Promise<void> {
  const connection = within(server);
  await connection.query('CREATE DATABASE CoreDB');
  await connection.query(
    'CREATE TABLE CoreDB.Organisation (OrgID INT NOT NULL, HomeRegion VARCHAR(32) NULL, PRIMARY KEY (OrgID)) ENGINE = InnoDB',
  );
  for (const { orgId, homeRegion } of choice.orgs) {
    await connection.query('INSERT INTO CoreDB.Organisation (OrgID, HomeRegion) VALUES (?, ?)', [orgId, homeRegion]);
  }
}

export async function setUpStore(server: SimServer): Promise<void> {
  await within(server).query('CREATE DATABASE cutover_store');
}
