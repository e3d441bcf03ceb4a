import { randomBytes } from 'node:crypto';
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise';
import { LabDatabaseError } from './errors.ts';
import { startMariaDb } from './mariadb.ts';
import { pollUntil } from './poll.ts';
import type { DatabaseServer } from './server.ts';

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

/** One of the sites that replicate with each other. */
export interface SiteServer {
  readonly name: string;
  readonly server: DatabaseServer;
  /** Stops what this site takes from the other one (the other direction goes on). */
  stopReplication(): Promise<void>;
  startReplication(): Promise<void>;
  /** Both threads of this site's replication run. */
  replicationRuns(): Promise<boolean>;
}

/** Two sites, each replicating from the other. */
export interface Sites {
  readonly sites: readonly SiteServer[];
  /** By name; throws for a name that does not exist. */
  site(name: string): SiteServer;
  /** Waits until each site has everything that the other one had when this was called. */
  waitUntilInStep(options?: { timeoutMs?: number }): Promise<void>;
  stop(): Promise<void>;
}

/** What to start. */
export interface SitesOptions {
  readonly baseDir: string;
  /** Two names, in the order of their GTID domains and offsets. */
  readonly names?: readonly [string, string];
  /** For both; see `DatabaseServerOptions.variables`. */
  readonly variables?: Readonly<Record<string, string>>;
}

const REPLICATION_USER = 'replication';

/**
 * Starts two MariaDB sites that replicate master-master by GTID, and returns when both directions run.
 * Site number n (from 1) has server id, GTID domain and auto-increment offset n.
 */
export async function startSites({ baseDir, names = ['lon1', 'lon2'], variables = {} }: SitesOptions): Promise<Sites> {
  const servers = await Promise.all(
    names.map((name, index) =>
      startMariaDb({
        name,
        baseDir,
        variables: { ...siteVariables(index + 1), ...variables },
      }),
    ),
  );
  const [first, second] = servers as [DatabaseServer, DatabaseServer];
  try {
    const password = randomBytes(12).toString('hex');
    await Promise.all(servers.map((server) => prepareForReplication(server, password)));
    await Promise.all([replicateFrom(first, second, password), replicateFrom(second, first, password)]);
    const sites = [new Site(first), new Site(second)];
    await Promise.all(
      sites.map((site) => pollUntil(`replication to run at ${site.name}`, () => site.replicationRuns())),
    );
    return {
      sites,
      site(name) {
        const found = sites.find((candidate) => candidate.name === name);
        if (found === undefined) throw new TypeError(`no site is called ${name}`);
        return found;
      },
      waitUntilInStep: (options) => waitUntilInStep(servers, options?.timeoutMs ?? 30_000),
      stop: async () => {
        await Promise.all(servers.map((server) => server.stop()));
      },
    };
  } catch (error) {
    await Promise.all(servers.map((server) => server.stop()));
    throw error;
  }
}

function siteVariables(number: number): Record<string, string> {
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

/** Runs statements on a short connection of the lab's own account. */
export async function onServer<T>(server: DatabaseServer, work: (connection: Connection) => Promise<T>): Promise<T> {
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

async function prepareForReplication(server: DatabaseServer, password: string): Promise<void> {
  await onServer(server, async (connection) => {
    await connection.query('SET SESSION sql_log_bin = 0');
    await connection.query(`CREATE OR REPLACE USER '${REPLICATION_USER}'@'%' IDENTIFIED BY '${password}'`);
    await connection.query(`GRANT REPLICATION SLAVE ON *.* TO '${REPLICATION_USER}'@'%'`);
  });
}

async function replicateFrom(replica: DatabaseServer, master: DatabaseServer, password: string): Promise<void> {
  await onServer(replica, (connection) =>
    connection.query(
      `CHANGE MASTER TO MASTER_HOST = ?, MASTER_PORT = ?, MASTER_USER = ?, MASTER_PASSWORD = ?,
         MASTER_USE_GTID = slave_pos, MASTER_CONNECT_RETRY = 1, MASTER_HEARTBEAT_PERIOD = 1;
       START SLAVE`,
      [master.host, master.port, REPLICATION_USER, password],
    ),
  );
}

class Site implements SiteServer {
  readonly name: string;
  readonly server: DatabaseServer;

  constructor(server: DatabaseServer) {
    this.name = server.name;
    this.server = server;
  }

  async stopReplication(): Promise<void> {
    await onServer(this.server, (connection) => connection.query('STOP SLAVE'));
  }

  async startReplication(): Promise<void> {
    await onServer(this.server, (connection) => connection.query('START SLAVE'));
  }

  async replicationRuns(): Promise<boolean> {
    const status = await replicationStatus(this.server);
    return status.ioRuns && status.sqlRuns;
  }
}

async function replicationStatus(
  server: DatabaseServer,
): Promise<{ ioRuns: boolean; sqlRuns: boolean; sqlError: string }> {
  const [rows] = await onServer(server, (connection) => connection.query<RowDataPacket[]>('SHOW SLAVE STATUS'));
  const row = rows[0];
  return {
    ioRuns: row?.Slave_IO_Running === 'Yes',
    sqlRuns: row?.Slave_SQL_Running === 'Yes',
    sqlError: String(row?.Last_SQL_Error ?? ''),
  };
}

async function waitUntilInStep(servers: readonly DatabaseServer[], timeoutMs: number): Promise<void> {
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
  replica: DatabaseServer,
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
