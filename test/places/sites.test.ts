import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type DatabaseServer,
  onServer,
  pollUntil,
  type Sites,
  startCluster,
  startSites,
} from '../../infra/lab/databases/index.ts';
import { createSite, type DatabasePlace } from '../../src/adapters/mysql/index.ts';
import {
  FenceInstallBlockedError,
  FenceInUseError,
  FenceNotReplicatedError,
  FenceTablesUnfitError,
  WrongPlaceError,
} from '../../src/errors/index.ts';
import { type FencePlan, fenceStatus, installFence, refreshFence, removeFence } from '../../src/fence/index.ts';
import { countOf, insert, nextEpoch, rejectionOf } from './help.ts';
import { grantControl, makeAccounts, makeSchema, ORGS, PASSWORD, TABLES, USERS } from './world.ts';

const IMPATIENT = { replicationTimeoutMs: 500, lockAttempts: 1 };
const NOTHING_DONE = { triggersMade: 0, triggersDropped: 0, fenceRowsMade: 0, heartbeatRowsMade: 0 };

describe('two sites and a cluster', () => {
  let baseDir: string;
  let sites: Sites;
  let cluster: DatabaseServer;
  let plan: FencePlan;
  let lon1: Connection;
  let lon2: Connection;
  let aurora: Connection;
  let place1: DatabasePlace;
  let place2: DatabasePlace;
  const closers: (() => unknown)[] = [];

  const connect = async (server: DatabaseServer, user: string = server.user, password: string = server.password) => {
    const connection = await createConnection({ host: server.host, port: server.port, user, password });
    closers.push(() => connection.destroy());
    return connection;
  };
  const asApp = (name: string) => connect(sites.site(name).server, 'app', PASSWORD);
  const adapterOf = (name: string, serverId: number) => {
    const { host, port, user, password } = sites.site(name).server;
    const place = createSite({
      name,
      serverId,
      host,
      port,
      user,
      password,
      purge: { user: 'purge', password: PASSWORD },
    });
    closers.push(() => place.close());
    return place;
  };

  beforeAll(async () => {
    baseDir = await mkdtemp(join(tmpdir(), 'places-'));
    [sites, cluster] = await Promise.all([startSites({ baseDir }), startCluster({ name: 'euwest2', baseDir })]);
    lon1 = await connect(sites.site('lon1').server);
    lon2 = await connect(sites.site('lon2').server);
    aurora = await connect(cluster);
    for (const admin of [lon1, aurora]) {
      await makeSchema(admin);
      await makeAccounts(admin);
    }
    await sites.waitUntilInStep();
    plan = {
      sites: [
        { name: 'lon2', serverId: 2, connection: lon2 },
        { name: 'lon1', serverId: 1, connection: lon1 },
      ],
      clusters: [{ name: 'eu-west-2', homeRegion: 'eu-west-2', connection: aurora }],
      tables: TABLES,
      users: USERS,
      orgIds: ORGS,
    };
    place1 = adapterOf('lon1', 1);
    place2 = adapterOf('lon2', 2);
  });

  afterAll(async () => {
    for (const closer of closers.reverse()) await closer();
    await Promise.all([sites?.stop(), cluster?.stop()]);
    await rm(baseDir, { recursive: true, force: true });
  });

  it('changes nothing anywhere when a table does not fit or a connection leads elsewhere', async () => {
    const missing = { schema: 'BigDB', table: 'Missing', orgColumn: 'OrgID' };
    const misnamed = { schema: 'BigDB', table: 'Blobs', orgColumn: 'Org' };
    const error = await rejectionOf(installFence({ ...plan, tables: [...TABLES, missing, misnamed] }));
    expect(error).toBeInstanceOf(FenceTablesUnfitError);
    expect((error as FenceTablesUnfitError).faults).toHaveLength(6);
    const swapped = [
      { name: 'lon1', serverId: 1, connection: lon2 },
      { name: 'lon2', serverId: 2, connection: lon1 },
    ];
    expect(await rejectionOf(installFence({ ...plan, sites: swapped }))).toBeInstanceOf(WrongPlaceError);
    for (const status of await fenceStatus(plan)) expect(status.schema).toBe(false);
  });

  it('installs at one site, and all of it is at every place', async () => {
    const own = { triggersMade: 6, fenceRowsMade: 3, heartbeatRowsMade: 3 };
    expect(await installFence(plan)).toEqual({
      triggersMade: 2 * own.triggersMade,
      triggersDropped: 0,
      fenceRowsMade: 3 * own.fenceRowsMade,
      // Also the clusters' rows at the sites, which the reverse tasks update.
      heartbeatRowsMade: 4 * own.heartbeatRowsMade,
    });
    await grantControl(lon1);
    await sites.waitUntilInStep();
    for (const status of await fenceStatus(plan)) {
      expect(status).toMatchObject({ complete: true, identity: 'right', definersGone: [] });
      expect(status.writers).toEqual({ [status.kind === 'site' ? 'clients' : 'nobody']: 3 });
    }
    expect((await place2.findings(TABLES, 42)).filter((finding) => finding.severity === 'refuse')).toEqual([]);
  });

  it('does nothing the second time', async () => {
    expect(await installFence(plan)).toEqual(NOTHING_DONE);
  });

  it('goes on where an installation was interrupted', async () => {
    const [rows] = await lon1.query<RowDataPacket[]>('SHOW TRIGGERS FROM BigDB');
    await lon1.query(`DROP TRIGGER BigDB.${String(rows[0]?.Trigger)}`);
    await aurora.query('DELETE FROM bigdb_cutover.fence WHERE org_id = 4');
    await sites.waitUntilInStep();
    const states = (await fenceStatus(plan)).map((status) => status.complete);
    expect(states).toEqual([false, false, false]);
    expect(await installFence(plan)).toEqual({ ...NOTHING_DONE, triggersMade: 1, fenceRowsMade: 1 });
  });

  it('takes over a changed configuration, and leaves the application’s triggers and the rows alone', async () => {
    await lon1.query(
      'CREATE TRIGGER BigDB.application_bi BEFORE INSERT ON BigDB.CallLogs FOR EACH ROW SET NEW.Body = "theirs"',
    );
    await place1.setFence(420, 'nobody', nextEpoch(), 1_000);
    const changed = { ...plan, users: { ...USERS, exempt: [...USERS.exempt, 'repair'] } };
    const outdated = (await fenceStatus(changed))[0]?.tables[0]?.triggers;
    expect(outdated).toEqual({ INSERT: 'outdated', UPDATE: 'outdated', DELETE: 'outdated' });
    expect(await installFence(changed)).toEqual({ ...NOTHING_DONE, triggersMade: 12, triggersDropped: 12 });
    expect((await fenceStatus(changed)).every((status) => status.complete)).toBe(true);
    expect((await place1.readFence(420))?.writer).toBe('nobody');
    const id = await insert(lon1, 4, 'mine');
    const [rows] = await lon1.query<RowDataPacket[]>('SELECT Body FROM BigDB.CallLogs WHERE Id = ?', [id]);
    expect(rows[0]?.Body).toBe('theirs');
    await lon1.query('DROP TRIGGER BigDB.application_bi');
    await installFence(plan);
    await place1.setFence(420, 'clients', nextEpoch(), 1_000);
  });

  it('each site has a fence of its own; replicated rows pass a closed one', async () => {
    const app1 = await asApp('lon1');
    const app2 = await asApp('lon2');
    await place2.setFence(42, 'nobody', nextEpoch(), 1_000);
    await sites.waitUntilInStep();
    const id = await insert(app1, 42, 'from lon1');
    expect(await rejectionOf(insert(app2, 42))).toMatchObject({
      message: 'BIGDB_FENCE org=42 place=lon2 writer=nobody',
    });
    await sites.waitUntilInStep();
    const [rows] = await lon2.query<RowDataPacket[]>('SELECT Body FROM BigDB.CallLogs WHERE Id = ?', [id]);
    expect(rows[0]?.Body).toBe('from lon1');
    await place1.setFence(42, 'nobody', nextEpoch(), 1_000);
    await rejectionOf(insert(app1, 42));
    for (const place of [place1, place2]) await place.setFence(42, 'clients', nextEpoch(), 1_000);
    await insert(app2, 42);
  });

  it('a marker of each site arrives at the other, beside its own', async () => {
    const epoch = nextEpoch();
    const markerOf = (site: string) => ({ epoch, attempt: 1, nonce: `from-${site}` });
    await Promise.all([place1.writeMarker(42, markerOf('lon1')), place2.writeMarker(42, markerOf('lon2'))]);
    for (const place of [place1, place2]) {
      await pollUntil(`both markers at ${place.name}`, async () => {
        const seen = (await place.readHeartbeats([42])).get(42) ?? [];
        const nonces = seen.map((beat) => beat.marker?.nonce).sort();
        return nonces.join() === 'from-lon1,from-lon2';
      });
    }
    await place1.forgetHeartbeats(42);
    expect((await place1.readHeartbeats([42])).get(42)).toHaveLength(2);
  });

  it('fences, enrolments and beats at both sites at once leave replication running', async () => {
    const orgIds = Array.from({ length: 30 }, (_, index) => 1_000 + index);
    const epoch = nextEpoch();
    await Promise.all([
      installFence({ ...plan, orgIds: [...ORGS, ...orgIds] }),
      ...[place1, place2].flatMap((place) =>
        orgIds.map(async (orgId) => {
          await place.enrol(orgId, 'clients');
          await place.setFence(orgId, 'nobody', epoch, 5_000);
          await place.beat([orgId]);
          await place.setFence(orgId, 'clients', epoch, 5_000);
        }),
      ),
    ]);
    await sites.waitUntilInStep();
    for (const { name, replicationRuns } of sites.sites.map((s) => ({
      name: s.name,
      replicationRuns: () => s.replicationRuns(),
    }))) {
      expect([name, await replicationRuns()]).toEqual([name, true]);
    }
    const tables = ['fence', 'heartbeat'].map((table) => `SELECT * FROM bigdb_cutover.${table} ORDER BY 1, 2`);
    for (const sql of tables) expect((await lon2.query(sql))[0]).toEqual((await lon1.query(sql))[0]);
  });

  it('finds replication that stands still', async () => {
    await sites.site('lon2').stopReplication();
    const codes = (await place2.findings(TABLES, 42)).map((finding) => finding.code);
    expect(codes).toContain('REPLICATION_NOT_RUNNING');
    const more = { ...plan, orgIds: [...ORGS, 5_000] };
    expect(await rejectionOf(installFence(more, IMPATIENT))).toBeInstanceOf(FenceNotReplicatedError);
    await sites.site('lon2').startReplication();
    await installFence(more);
  });

  it('does not make everybody wait for a table that somebody keeps', async () => {
    const app1 = await asApp('lon1');
    await app1.query('START TRANSACTION');
    await app1.query('SELECT * FROM BigDB.Blobs');
    const changed = { ...plan, users: { ...USERS, exempt: ['purge', 'lab', 'other'] } };
    expect(await rejectionOf(installFence(changed, IMPATIENT))).toBeInstanceOf(FenceInstallBlockedError);
    await app1.query('ROLLBACK');
    await installFence(plan);
    expect((await fenceStatus(plan)).every((status) => status.complete)).toBe(true);
  });

  it('reports a definer that was dropped', async () => {
    await aurora.query(`CREATE USER 'installer'@'%' IDENTIFIED BY '${PASSWORD}'`);
    await aurora.query(`GRANT ALL PRIVILEGES ON *.* TO 'installer'@'%'`);
    const installer = await connect(cluster, 'installer', PASSWORD);
    const other = {
      ...plan,
      sites: [],
      clusters: plan.clusters.map((c) => ({ ...c, connection: installer })),
      users: { ...USERS, exempt: ['purge', 'lab', 'installer'] },
    };
    await installFence(other);
    await aurora.query(`DROP USER 'installer'@'%'`).catch(async () => {
      // MySQL refuses to drop an account that triggers need, unless it may orphan them.
      await aurora.query(`RENAME USER 'installer'@'%' TO 'installer_gone'@'%'`);
    });
    const [status] = await fenceStatus({ ...other, clusters: plan.clusters });
    expect(status?.definersGone).toEqual(['installer@%']);
    expect(status?.complete).toBe(false);
    await installFence(plan);
    expect((await fenceStatus(plan)).every((one) => one.complete)).toBe(true);
  });

  it('is read anew at all sites by a refresh, as it was and as its owner’s', async () => {
    const triggers = async (connection: Connection) => {
      const [rows] = await connection.query<RowDataPacket[]>(
        `SELECT EVENT_OBJECT_TABLE AS \`table\`, TRIGGER_NAME AS name, ACTION_STATEMENT AS text, DEFINER AS definer, CREATED AS created
           FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = 'BigDB' ORDER BY 1, 2`,
      );
      return rows;
    };
    const before = await Promise.all([triggers(lon1), triggers(lon2)]);
    const other = await connect(sites.site('lon1').server);
    await other.query(`GRANT ALL ON *.* TO 'another'@'%' IDENTIFIED BY '${PASSWORD}'`);
    const as = await connect(sites.site('lon1').server, 'another', PASSWORD);
    const [first, ...more] = plan.sites;
    if (first === undefined) throw new Error('there is no site');
    expect(await refreshFence({ ...plan, sites: [{ ...first, connection: as }, ...more] })).toEqual({
      tablesRefreshed: TABLES.length,
    });
    for (const [index, connection] of [lon1, lon2].entries()) {
      const now = await triggers(connection);
      const newer = now.filter(({ created }, each) => String(created) !== String(before[index]?.[each]?.created));
      expect(new Set(newer.map(({ table }) => table)).size).toBe(TABLES.length);
      const bare = (rows: RowDataPacket[]) => rows.map(({ created: _, ...rest }) => rest);
      expect(bare(now)).toEqual(bare(before[index] ?? []));
    }
    await other.query(`DROP USER 'another'@'%'`);
    expect((await fenceStatus(plan)).every((one) => one.complete)).toBe(true);
  });

  it('stays while an org needs it, and then goes without a trace', async () => {
    await place1.setFence(42, 'nobody', nextEpoch(), 1_000);
    expect(await rejectionOf(removeFence(plan))).toBeInstanceOf(FenceInUseError);
    expect((await fenceStatus(plan)).every((status) => status.complete)).toBe(true);
    await place1.setFence(42, 'clients', nextEpoch(), 1_000);
    expect(await removeFence(plan)).toEqual({ triggersDropped: 12, schemasDropped: 2 });
    await sites.waitUntilInStep();
    for (const server of [sites.site('lon1').server, sites.site('lon2').server, cluster]) {
      const [rows] = await onServer(server, (connection) =>
        connection.query<RowDataPacket[]>(
          `SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_NAME LIKE 'bigdb%'
           UNION ALL SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE 'bigdb%'`,
        ),
      );
      expect(rows.map((row) => Object.values(row)[0]).filter((name) => name !== 'BigDB')).toEqual([]);
    }
    expect(await removeFence(plan)).toEqual({ triggersDropped: 0, schemasDropped: 0 });
    await insert(await asApp('lon2'), 42);
    expect(await countOf(lon2, 42)).toBeGreaterThan(0);
  });
});
