import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAccounts, createBigDbSchema } from '../../infra/lab/bigdb/index.ts';
import { type DatabaseServer, onServer, pollUntil, startCluster } from '../../infra/lab/databases/index.ts';
import { type GuardLab, startGuardLab } from '../soaking/lab.ts';

const homeRegion = 'eu-west-2';
const readerHostgroup = 45;

/** A replica of the cluster, which every proxy has as the cluster's reader. */
let replica: DatabaseServer | undefined;
let world: GuardLab;

beforeAll(async () => {
  world = await startGuardLab({ orgs: 2, rows: 50, policy: { flipTries: 20 } }, 1, async (config, lab) => {
    const cluster = lab.clusters[0]?.server ?? expect.unreachable('the lab has a cluster');
    replica = await startCluster({ name: 'replica', baseDir: lab.baseDir, variables: { 'server-id': '99' } });
    // The lab makes these without logging them.
    await createBigDbSchema(replica, 'cluster');
    await createAccounts(replica, lab.accounts);
    await follow(replica, cluster);
    for (const { host, adminPort, adminUser, adminPassword } of lab.proxies) {
      const admin = await createConnection({ host, port: adminPort, user: adminUser, password: adminPassword });
      await admin.query(
        `INSERT INTO mysql_servers (hostgroup_id, hostname, port) VALUES (${readerHostgroup}, '${replica.host}', ${replica.port})`,
      );
      await admin.query('SAVE MYSQL SERVERS TO DISK');
      await admin.query('LOAD MYSQL SERVERS TO RUNTIME');
      admin.destroy();
    }
    config.routing.clusters[homeRegion].readerHostgroup = readerHostgroup;
  });
});
afterAll(async () => {
  await replica?.stop();
  await world?.stop();
});

const atReplica = (sql: string) =>
  onServer(replica ?? expect.unreachable('there is a replica'), async (connection) => {
    const [rows] = await connection.query<RowDataPacket[]>(sql);
    return rows;
  });

/** Everything that the cluster has ever logged, and then whatever comes. */
async function follow(server: DatabaseServer, cluster: DatabaseServer): Promise<void> {
  const firstLog = await onServer(cluster, async (connection) => {
    const [rows] = await connection.query<RowDataPacket[]>('SHOW BINARY LOGS');
    return String(rows[0]?.Log_name);
  });
  const { host, port, user, password } = cluster;
  const statements =
    server.flavour === 'mysql'
      ? [
          `CHANGE REPLICATION SOURCE TO SOURCE_HOST = '${host}', SOURCE_PORT = ${port}, SOURCE_USER = '${user}',
             SOURCE_PASSWORD = '${password}', SOURCE_LOG_FILE = '${firstLog}', SOURCE_LOG_POS = 4, GET_SOURCE_PUBLIC_KEY = 1`,
          'START REPLICA',
          'SET GLOBAL read_only = ON',
        ]
      : [
          `CHANGE MASTER TO MASTER_HOST = '${host}', MASTER_PORT = ${port}, MASTER_USER = '${user}',
             MASTER_PASSWORD = '${password}', MASTER_LOG_FILE = '${firstLog}', MASTER_LOG_POS = 4, MASTER_USE_GTID = no`,
          'START SLAVE',
          'SET GLOBAL read_only = ON',
        ];
  await onServer(server, async (connection) => {
    for (const statement of statements) await connection.query(statement);
    const logged = await logEnd(cluster);
    await pollUntil('the replica to be in step', async () => {
      const [rows] = await connection.query<RowDataPacket[]>(
        server.flavour === 'mysql' ? 'SHOW REPLICA STATUS' : 'SHOW SLAVE STATUS',
      );
      const status: Record<string, unknown> = rows[0] ?? {};
      const stopped = status.Last_SQL_Error || status.Last_IO_Error;
      if (stopped) throw new Error(`the replica stopped: ${stopped}`);
      return Number(status.Exec_Source_Log_Pos ?? status.Exec_Master_Log_Pos) >= logged;
    });
  });
}

/** How much the cluster has logged; the lab's log is one file. */
async function logEnd(cluster: DatabaseServer): Promise<number> {
  return onServer(cluster, async (connection) => {
    const [rows] = await connection.query<RowDataPacket[]>('SHOW BINARY LOGS');
    return Number(rows.at(-1)?.File_size);
  });
}

const replication = (what: 'START' | 'STOP') =>
  atReplica(`${what} ${replica?.flavour === 'mysql' ? 'REPLICA SQL_THREAD' : 'SLAVE SQL_THREAD'}`);

describe('a cluster with a reader', () => {
  it('serves nobody before the reader follows; then reads go to it, writes to the writer, and back again', async () => {
    const { api, lab, toReady, until } = world;
    const org = lab.orgs[0] ?? expect.unreachable('the lab has orgs');
    await replication('STOP');
    const id = await toReady(org.orgId);
    await api.command(id, 'approve');
    const stopped = await until(id, 'not ready', ({ reason }) => reason?.code === 'FLIP_NOT_READY');
    expect(stopped.reason?.message).toContain(`reader ${replica?.host}:${replica?.port}`);
    expect(stopped.serving).toBe('source');
    expect((await api.events(id)).filter(({ state }) => state === 'flipping.hold')).toEqual([]);

    await replication('START');
    await until(id, 'soaking', ({ state }) => state.startsWith('soaking'));
    const [proxy] = lab.proxies;
    const client = await createConnection({
      host: proxy?.host ?? '',
      port: proxy?.port ?? 0,
      user: org.user,
      password: org.password,
      database: org.database,
    });
    try {
      const [rows] = await client.query<RowDataPacket[]>('SELECT @@port AS port');
      expect(rows[0]?.port).toBe(replica?.port);
      const born = Buffer.alloc(16, 7);
      // The replica is read-only: it would refuse the row.
      await client.query('INSERT INTO CdrTasks (OrgID, CdrRef, Payload) VALUES (?, ?, ?)', [
        org.orgId,
        born,
        'written',
      ]);
      await pollUntil('the row at the reader', async () => {
        const [found] = await client.query<RowDataPacket[]>('SELECT 1 FROM CdrTasks WHERE CdrRef = ?', [born]);
        return found.length === 1;
      });
    } finally {
      client.destroy();
    }
    await api.command(id, 'rollback');
    await until(id, 'rolledBack', ({ state }) => state === 'rolledBack');
  });
});
