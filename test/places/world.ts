import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Connection, createConnection } from 'mysql2/promise';
import { type DatabaseServer, startCluster, startMariaDb } from '../../infra/lab/databases/index.ts';
import { createCluster, createSite, type DatabasePlace } from '../../src/adapters/mysql/index.ts';
import { type FencePlan, type FenceUsers, installFence } from '../../src/fence/index.ts';
import type { OrgTable } from '../../src/ports/place.ts';
import { freeze } from './help.ts';

export const PASSWORD = 'places-test';

export const TABLES: readonly OrgTable[] = [
  { schema: 'BigDB', table: 'CallLogs', orgColumn: 'OrgID' },
  { schema: 'BigDB', table: 'Blobs', orgColumn: 'OrgID' },
];

export const USERS: FenceUsers = { forward: ['dms'], reverse: ['dms'], exempt: ['purge', 'lab'] };

export const ORGS: readonly number[] = [4, 42, 420];

/** One fenced server of either kind, with two org-owned tables and accounts of every class. */
export interface World {
  readonly server: DatabaseServer;
  readonly plan: FencePlan;
  readonly place: DatabasePlace;
  /** Another adapter of the same place, as another controller would have. */
  another(tuning?: { statementTimeoutMs?: number; viewConnections?: number }): DatabasePlace;
  /** An adapter that leads here by mistake: it is configured for another place. */
  misconfigured(): DatabasePlace;
  /** An adapter whose host does not answer. */
  unreachable(): DatabasePlace;
  /** Stops the server's process where it is; `server.kill('SIGCONT')` lets it go on. */
  freeze(): Promise<void>;
  /** A connection that the world closes at its end. */
  connect(user: string): Promise<Connection>;
  close(): Promise<void>;
}

export async function makeSchema(admin: Connection): Promise<void> {
  await admin.query('CREATE DATABASE BigDB');
  await admin.query(`CREATE TABLE BigDB.CallLogs (
    Id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, OrgID INT NOT NULL, Ref VARCHAR(40) NULL, Body VARCHAR(200),
    Price DECIMAL(20,6) NULL, Big BIGINT UNSIGNED NULL, At DATETIME(6) NULL,
    KEY (OrgID), UNIQUE KEY (Ref)) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4`);
  await admin.query(`CREATE TABLE BigDB.Blobs (
    OrgID INT NOT NULL, BlobKey VARCHAR(40) NOT NULL, Data MEDIUMBLOB, PRIMARY KEY (OrgID, BlobKey)) ENGINE = InnoDB`);
}

export async function makeAccounts(admin: Connection): Promise<void> {
  for (const user of ['app', 'dms', 'purge']) {
    await admin.query(`CREATE USER '${user}'@'%' IDENTIFIED BY '${PASSWORD}'`);
    await admin.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON BigDB.* TO '${user}'@'%'`);
  }
}

/** The purge user reads identities and locks fence rows; made after the installation, which makes the schema. */
export async function grantControl(admin: Connection): Promise<void> {
  await admin.query(`GRANT SELECT, UPDATE ON bigdb_cutover.* TO 'purge'@'%'`);
  await admin.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON bigdb_cutover.heartbeat TO 'dms'@'%'`);
}

export async function makeWorld(
  kind: 'site' | 'cluster',
  variables: Readonly<Record<string, string>> = {},
): Promise<World> {
  const baseDir = await mkdtemp(join(tmpdir(), 'places-'));
  const closers: (() => Promise<unknown>)[] = [() => rm(baseDir, { recursive: true, force: true })];
  const close = async () => {
    for (const closer of closers.reverse()) await closer();
  };
  try {
    const server =
      kind === 'site'
        ? await startMariaDb({ name: 'lon1', baseDir, variables })
        : await startCluster({ name: 'euwest2', baseDir, variables });
    closers.push(() => server.stop());
    const connect = async (user: string) => {
      const password = user === server.user ? server.password : PASSWORD;
      const connection = await createConnection({ host: server.host, port: server.port, user, password });
      closers.push(async () => connection.destroy());
      return connection;
    };
    const admin = await connect(server.user);
    await makeSchema(admin);
    await makeAccounts(admin);
    const common = { tables: TABLES, users: USERS, orgIds: ORGS };
    const plan: FencePlan =
      kind === 'site'
        ? { ...common, sites: [{ name: 'lon1', serverId: 1, connection: admin }], clusters: [] }
        : {
            ...common,
            sites: [],
            clusters: [{ name: 'eu-west-2', homeRegion: 'eu-west-2', connection: admin }],
          };
    await installFence(plan);
    await grantControl(admin);
    const { host, port, user, password } = server;
    const target = { host, port, user, password, purge: { user: 'purge', password: PASSWORD } };
    const tracked = (place: DatabasePlace) => {
      closers.push(() => place.close());
      return place;
    };
    const another: World['another'] = (tuning = {}) =>
      tracked(
        kind === 'site'
          ? createSite({ ...target, tuning, name: 'lon1', serverId: 1 })
          : createCluster({ ...target, tuning, name: 'eu-west-2', homeRegion: 'eu-west-2' }),
      );
    const misconfigured = () =>
      tracked(
        kind === 'site'
          ? createSite({ ...target, name: 'lon1', serverId: 2 })
          : createCluster({ ...target, name: 'eu-west-2', homeRegion: 'us-east-1' }),
      );
    // Port 1 of the loopback: nobody listens there.
    const unreachable = () => tracked(createSite({ ...target, port: 1, name: 'lon1', serverId: 1 }));
    const place = another();
    return { server, plan, place, another, misconfigured, unreachable, connect, close, freeze: () => freeze(server) };
  } catch (error) {
    await close();
    throw error;
  }
}
