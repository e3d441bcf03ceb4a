import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateEndpointCommand, DatabaseMigrationServiceClient } from '@aws-sdk/client-database-migration-service';
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise';
import { type DatabaseServer, freePort, startCluster, startMariaDb } from '../../infra/lab/databases/index.ts';
import { type DmsServer, startDms } from '../../infra/lab/dms/start.ts';
import { systemClock } from '../../src/adapters/clock.ts';
import { createReplication, type DmsRegion, type ReplicationOptions } from '../../src/adapters/dms/index.ts';
import type { OrgTable } from '../../src/ports/place.ts';
import type { Replication, TaskDirection, TaskPlan, TaskRef } from '../../src/ports/replication.ts';

export const homeRegion = 'eu-west-2';
export const tables: readonly OrgTable[] = [
  { schema: 'BigDB', table: 'CdrTasks', orgColumn: 'OrgID' },
  { schema: 'BigDB', table: 'ApplicationBlob', orgColumn: 'OrgID' },
];
const credentials = { accessKeyId: 'lab', secretAccessKey: 'lab' };
const heartbeat = { schema: 'bigdb_cutover', table: 'heartbeat', orgColumn: 'org_id', siteColumn: 'site' };

/** A MariaDB site, a cluster, and DMS between them. */
export interface Lab {
  readonly dms: DmsServer;
  readonly site: Connection;
  readonly cluster: Connection;
  readonly region: DmsRegion;
  /** A source endpoint behind which nobody listens. */
  readonly brokenEndpointArn: string;
  /** As another controller, or the same one after a restart, would open it. */
  open(changes?: Partial<ReplicationOptions>): Replication;
  close(): Promise<void>;
}

export async function startLab(): Promise<Lab> {
  const baseDir = await mkdtemp(join(tmpdir(), 'replication-'));
  const closers: (() => Promise<unknown>)[] = [() => rm(baseDir, { recursive: true, force: true })];
  const close = async () => {
    for (const closer of closers.reverse()) await closer();
  };
  try {
    const [siteServer, clusterServer] = await Promise.all([
      startMariaDb({ name: 'lon1', baseDir, variables: { 'server-id': '1', 'gtid-domain-id': '1' } }),
      startCluster({ name: 'cluster', baseDir }),
    ]);
    closers.push(() => Promise.all([siteServer.stop(), clusterServer.stop()]));
    const connections = await Promise.all([siteServer, clusterServer].map(connectTo));
    closers.push(async () => connections.forEach((one) => void one.destroy()));
    const [site, cluster] = connections as [Connection, Connection];
    for (const one of connections) await makeSchema(one);
    const dms = await startDms({ baseDir });
    closers.push(() => dms.stop());
    const { region, brokenEndpointArn } = await makeRegion(dms, siteServer, clusterServer);
    return {
      dms,
      site,
      cluster,
      region,
      brokenEndpointArn,
      open: (changes = {}) => {
        const replication = createReplication({
          regions: { [homeRegion]: region },
          heartbeat,
          taskPrefix: 'bigdb',
          clock: systemClock,
          pollIntervalMs: 30,
          settleMs: 150,
          apiRate: { burst: 200, perSecond: 150 },
          ...changes,
        });
        // Before the servers that it talks to.
        closers.push(() => replication.close());
        return replication;
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

export function refOf(orgId: number, generation = 1, direction: TaskDirection = 'forward'): TaskRef {
  return { orgId, homeRegion, direction, generation };
}

export function planOf(ref: TaskRef, changes: Partial<TaskPlan> = {}): TaskPlan {
  const heartbeatSites = ref.direction === 'forward' ? ['lon1', 'lon2'] : [homeRegion];
  return { ref, tables, heartbeatSites, largestLobBytes: 200_000, ...changes };
}

/** Gives an org rows at a place: `rows` tasks, one blob of 100 KB, a heartbeat of each place. */
export async function fill(place: Connection, orgId: number, rows: number): Promise<void> {
  for (let from = 1; from <= rows; from += 1_000) {
    const values = Array.from({ length: Math.min(1_000, rows - from + 1) }, (_, index) => [orgId, from + index, 'new']);
    await place.query('INSERT INTO BigDB.CdrTasks (OrgID, TaskID, Status) VALUES ?', [values]);
  }
  await place.query('INSERT INTO BigDB.ApplicationBlob (OrgID, BlobKey, Data) VALUES (?, ?, ?)', [
    orgId,
    'picture',
    Buffer.alloc(100_000, orgId),
  ]);
  for (const name of ['lon1', 'lon2', homeRegion]) {
    await place.query('INSERT INTO bigdb_cutover.heartbeat (org_id, site, seq) VALUES (?, ?, 1)', [orgId, name]);
  }
}

/** One number. */
export async function count(place: Connection, sql: string, values: readonly unknown[] = []): Promise<number> {
  const [rows] = await place.query<RowDataPacket[]>(sql, [...values]);
  return Number(Object.values(rows[0] ?? {})[0]);
}

/** Every row of an org at a place, as text that can be compared. */
export async function rowsOf(place: Connection, orgId: number): Promise<readonly string[]> {
  const [tasks] = await place.query<RowDataPacket[]>(
    'SELECT TaskID, Status FROM BigDB.CdrTasks WHERE OrgID = ? ORDER BY TaskID',
    [orgId],
  );
  const [blobs] = await place.query<RowDataPacket[]>(
    'SELECT BlobKey, SHA2(Data, 256) AS digest, LENGTH(Data) AS size FROM BigDB.ApplicationBlob WHERE OrgID = ? ORDER BY BlobKey',
    [orgId],
  );
  return [...tasks, ...blobs].map((row) => JSON.stringify(row));
}

type Address = Pick<DatabaseServer, 'host' | 'port' | 'user' | 'password'>;

async function connectTo({ host, port, user, password }: Address): Promise<Connection> {
  return createConnection({ host, port, user, password });
}

async function makeSchema(place: Connection): Promise<void> {
  await place.query('CREATE DATABASE BigDB');
  await place.query('CREATE DATABASE bigdb_cutover');
  await place.query('USE BigDB');
  await place.query(
    'CREATE TABLE BigDB.CdrTasks (OrgID INT NOT NULL, TaskID INT NOT NULL, Status VARCHAR(20), PRIMARY KEY (OrgID, TaskID))',
  );
  await place.query(
    'CREATE TABLE BigDB.ApplicationBlob (OrgID INT NOT NULL, BlobKey VARCHAR(40) NOT NULL, Data MEDIUMBLOB, PRIMARY KEY (OrgID, BlobKey))',
  );
  await place.query(
    'CREATE TABLE bigdb_cutover.heartbeat (org_id INT NOT NULL, site VARCHAR(40) NOT NULL, seq BIGINT NOT NULL, PRIMARY KEY (org_id, site))',
  );
}

async function makeRegion(dms: DmsServer, site: DatabaseServer, cluster: DatabaseServer) {
  const client = new DatabaseMigrationServiceClient({ region: dms.region, endpoint: dms.url, credentials });
  try {
    const make = async (id: string, type: 'source' | 'target', engine: string, at: Address) => {
      const { Endpoint } = await client.send(
        new CreateEndpointCommand({
          EndpointIdentifier: id,
          EndpointType: type,
          EngineName: engine,
          ServerName: at.host,
          Port: at.port,
          Username: at.user,
          Password: at.password,
        }),
      );
      if (Endpoint?.EndpointArn === undefined) throw new TypeError(`endpoint ${id} has no ARN`);
      return Endpoint.EndpointArn;
    };
    const replicationInstanceArn = dms.instances[0]?.arn;
    if (replicationInstanceArn === undefined) throw new TypeError('DMS has no replication instance');
    const region: DmsRegion = {
      region: dms.region,
      endpoint: dms.url,
      credentials,
      replicationInstanceArn,
      forward: {
        sourceEndpointArn: await make('forward-source', 'source', 'mariadb', site),
        targetEndpointArn: await make('forward-target', 'target', 'aurora', cluster),
      },
      reverse: {
        sourceEndpointArn: await make('reverse-source', 'source', 'aurora', cluster),
        targetEndpointArn: await make('reverse-target', 'target', 'mariadb', site),
      },
    };
    const { host, user, password } = site;
    const brokenEndpointArn = await make('broken', 'source', 'mariadb', {
      host,
      port: await freePort(),
      user,
      password,
    });
    return { region, brokenEndpointArn };
  } finally {
    client.destroy();
  }
}
