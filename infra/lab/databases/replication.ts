import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise';
import { LabDatabaseError } from './errors.ts';
import { pollUntil } from './poll.ts';
import type { DatabaseAddress } from './server.ts';

/**
 * Sites and clusters share one increment and have disjoint offsets, so that no two of them ever generate the same id:
 * the sites take 1 and 2, the clusters 3 and 4.
 */
export const AUTO_INCREMENT_INCREMENT = 8;

/** Variables of the cluster with this place in the list of home regions (0 is the first). */
export function clusterIdVariables(index: number): Record<string, string> {
  return {
    'server-id': String(index + 3),
    'auto-increment-increment': String(AUTO_INCREMENT_INCREMENT),
    'auto-increment-offset': String(index + 3),
  };
}

/** Variables of the site with this number, from 1: its server id, GTID domain and offset of ids. */
export function siteVariables(number: number): Record<string, string> {
  return {
    'server-id': String(number),
    'gtid-domain-id': String(number),
    'auto-increment-increment': String(AUTO_INCREMENT_INCREMENT),
    'auto-increment-offset': String(number),
    'log-slave-updates': 'ON',
    'slave-run-triggers-for-rbr': 'NO',
    // In one domain, optimistic parallel replication keeps the order of commits.
    'slave-parallel-threads': '4',
    'slave-parallel-mode': 'optimistic',
    'slave-net-timeout': '5',
    'skip-slave-start': 'OFF',
  };
}

const REPLICATION_USER = 'replication';

/** Lets two sites replicate from each other by GTID; resolves when both directions run. */
export async function replicateBothWays(
  first: DatabaseAddress,
  second: DatabaseAddress,
  password: string,
): Promise<void> {
  await Promise.all([first, second].map((server) => prepareForReplication(server, password)));
  await Promise.all([replicateFrom(first, second, password), replicateFrom(second, first, password)]);
  await Promise.all(
    [first, second].map((server) => pollUntil(`replication to run at ${server.name}`, () => replicationRuns(server))),
  );
}

/** Both threads of this site's replication run. */
export async function replicationRuns(server: DatabaseAddress): Promise<boolean> {
  const { ioRuns, sqlRuns } = await replicationStatus(server);
  return ioRuns && sqlRuns;
}

/** Runs statements on a short connection of the account with all privileges. */
export async function onServer<T>(server: DatabaseAddress, work: (connection: Connection) => Promise<T>): Promise<T> {
  const connection = await createConnection({
    host: server.host,
    port: server.port,
    user: server.user,
    password: server.password,
    multipleStatements: true,
  });
  try {
    return await work(connection);
  } finally {
    connection.destroy();
  }
}

async function prepareForReplication(server: DatabaseAddress, password: string): Promise<void> {
  await onServer(server, async (connection) => {
    await connection.query('SET SESSION sql_log_bin = 0');
    await connection.query(`CREATE OR REPLACE USER '${REPLICATION_USER}'@'%' IDENTIFIED BY '${password}'`);
    await connection.query(`GRANT REPLICATION SLAVE ON *.* TO '${REPLICATION_USER}'@'%'`);
  });
}

async function replicateFrom(replica: DatabaseAddress, master: DatabaseAddress, password: string): Promise<void> {
  await onServer(replica, (connection) =>
    connection.query(
      `CHANGE MASTER TO MASTER_HOST = ?, MASTER_PORT = ?, MASTER_USER = ?, MASTER_PASSWORD = ?,
         MASTER_USE_GTID = slave_pos, MASTER_CONNECT_RETRY = 1, MASTER_HEARTBEAT_PERIOD = 1;
       START SLAVE`,
      [master.host, master.port, REPLICATION_USER, password],
    ),
  );
}

async function replicationStatus(
  server: DatabaseAddress,
): Promise<{ ioRuns: boolean; sqlRuns: boolean; sqlError: string }> {
  const [rows] = await onServer(server, (connection) => connection.query<RowDataPacket[]>('SHOW SLAVE STATUS'));
  const row = rows[0];
  return {
    ioRuns: row?.Slave_IO_Running === 'Yes',
    sqlRuns: row?.Slave_SQL_Running === 'Yes',
    sqlError: String(row?.Last_SQL_Error ?? ''),
  };
}

/** Waits until each of them has everything that the others had when this was called. */
export async function waitUntilInStep(servers: readonly DatabaseAddress[], timeoutMs = 30_000): Promise<void> {
  await Promise.all(
    servers.map(async (server) => {
      const others = servers.filter((other) => other !== server);
      const [rows] = await onServer(server, (c) => c.query<RowDataPacket[]>('SELECT @@gtid_binlog_pos AS position'));
      const position = String(rows[0]?.position ?? '');
      await Promise.all(others.map((other) => waitForPosition(other, server.name, position, timeoutMs)));
    }),
  );
}

async function waitForPosition(
  replica: DatabaseAddress,
  masterName: string,
  position: string,
  timeoutMs: number,
): Promise<void> {
  const [rows] = await onServer(replica, (connection) =>
    connection.query<RowDataPacket[]>('SELECT MASTER_GTID_WAIT(?, ?) AS timedOut', [position, timeoutMs / 1000]),
  );
  if (rows[0]?.timedOut === 0) return;
  const { sqlError } = await replicationStatus(replica);
  throw new LabDatabaseError(
    'LAB_REPLICATION_BROKEN',
    `${replica.name} did not reach ${masterName}'s position ${position} in ${timeoutMs} ms: ${sqlError || 'no error shown'}`,
    'start its replication, or look at SHOW ALL SLAVES STATUS there',
  );
}
