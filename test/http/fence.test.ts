import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Connection, createConnection } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { type DatabaseServer, startCluster, startMariaDb } from '../../infra/lab/databases/index.ts';
import { run } from '../../src/cli/run.ts';

const regions = 'eu-west-2';
const arn = (kind: string, name: string) => `arn:aws:dms:${regions}:123456789012:${kind}:${name}`;
const endpoints = { sourceEndpointArn: arn('endpoint', 'S'), targetEndpointArn: arn('endpoint', 'T') };
const password = { env: 'DB_PASSWORD' };
const purge = { user: 'purge', password };

let folder: string;
let site: DatabaseServer;
let cluster: DatabaseServer;
const connections: Connection[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cutover-fence-'));
  [site, cluster] = await Promise.all([
    startMariaDb({ name: 'lon1', baseDir: folder }),
    startCluster({ name: 'aurora', baseDir: folder }),
  ]);
  for (const server of [site, cluster]) {
    const connection = await createConnection({ ...address(server), user: server.user, password: server.password });
    connections.push(connection);
    await connection.query('CREATE DATABASE BigDB');
    await connection.query('CREATE TABLE BigDB.CallLogs (id INT PRIMARY KEY, OrgID INT NOT NULL)');
    await connection.query(`CREATE USER 'owner'@'%' IDENTIFIED BY 'of the fence'`);
    await connection.query(`GRANT ALL ON *.* TO 'owner'@'%' WITH GRANT OPTION`);
    await connection.query(`CREATE USER 'app'@'%' IDENTIFIED BY 'client'`);
    await connection.query(`GRANT ALL ON BigDB.* TO 'app'@'%'`);
  }
  await connections[0]?.query('CREATE DATABASE CoreDB');
  await connections[0]?.query('CREATE TABLE CoreDB.Organisation (OrgID BIGINT PRIMARY KEY, HomeRegion VARCHAR(32))');
  await connections[0]?.query(
    `INSERT INTO CoreDB.Organisation VALUES (4, '${regions}'), (42, '${regions}'), (420, NULL)`,
  );
});

afterAll(async () => {
  for (const connection of connections) connection.destroy();
  await Promise.all([site?.stop(), cluster?.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

const address = ({ host, port }: DatabaseServer) => ({ host, port });

function configuration(changes: { clusterPort?: number; table?: string } = {}): string {
  const database = (server: DatabaseServer) => ({
    ...address(server),
    user: server.user,
    password: { env: `PASSWORD_OF_${server.name}` },
  });
  const path = join(folder, 'cutover.yaml');
  writeFileSync(
    path,
    stringify({
      controller: { name: 'test' },
      tokens: [{ name: 'a', role: 'admin', sha256: '0'.repeat(64) }],
      store: { ...database(site), database: 'store' },
      coredb: database(site),
      sites: [{ name: 'lon1', ...database(site), serverId: 1, purge }],
      clusters: [
        { name: 'aurora', homeRegion: regions, ...database(cluster), port: changes.clusterPort ?? cluster.port, purge },
      ],
      dms: {
        regions: {
          [regions]: {
            region: regions,
            replicationInstanceArn: arn('rep', 'R'),
            forward: endpoints,
            reverse: endpoints,
          },
        },
      },
      proxies: [{ name: 'p1', host: '127.0.0.1', adminPort: 6032, adminUser: 'a', adminPassword: password }],
      routing: {
        by: 'user',
        ruleIds: { from: 100, to: 200 },
        holdHostgroups: { from: 100, to: 200 },
        sentinelRuleId: 1_000,
        source: { writerHostgroup: 1 },
        clusters: { [regions]: { writerHostgroup: 2 } },
      },
      catalogue: { tables: [{ schema: 'BigDB', table: changes.table ?? 'CallLogs', orgColumn: 'OrgID' }] },
      fence: { users: { forward: ['dms'], reverse: ['dms'], exempt: ['purge'] } },
    }),
  );
  return path;
}

async function fence(action: string, options: string[] = [], path = configuration()) {
  let out = '';
  let err = '';
  const code = await run(
    ['fence', action, '--config', path, ...options],
    {
      DB_PASSWORD: 'unused',
      PASSWORD_OF_lon1: site.password,
      PASSWORD_OF_aurora: cluster.password,
      BIGDB_CUTOVER_DB_PASSWORD: 'of the fence',
    },
    {
      out: (text) => {
        out += text;
      },
      err: (text) => {
        err += text;
      },
      screen: false,
    },
    new AbortController().signal,
  );
  return { code, out, err };
}

const asOwner = ['--db-user', 'owner'];

describe('fence', () => {
  it('is installed for every org of CoreDB, shown, and removed', async () => {
    const before = await fence('status', asOwner);
    expect(before.code).toBe(1);
    expect(before.out).toMatch(/^lon1 +site +NO .* 0 of 3 +all +all/m);

    const installed = await fence('install', [...asOwner, '--json']);
    expect(installed).toMatchObject({ code: 0, err: '' });
    expect(JSON.parse(installed.out)).toMatchObject({ triggersMade: 6, triggersDropped: 0, fenceRowsMade: 6 });
    expect((await fence('install', asOwner)).out).toMatch(/^triggers made +0$/m);

    const after = await fence('status', asOwner);
    expect(after.code).toBe(0);
    expect(after.out).toMatch(/^lon1 +site +yes +right +3 of 3 +0 +0 +clients 3$/m);
    expect(after.out).toMatch(/^aurora +cluster +yes +right +3 of 3 +0 +0 +forward 3$/m);
    const [rows] = await (connections[0] as Connection).query(
      'SELECT DISTINCT DEFINER AS definer FROM information_schema.TRIGGERS',
    );
    expect(rows).toEqual([{ definer: 'owner@%' }]);

    const client = await createConnection({ ...address(cluster), user: 'app', password: 'client' });
    connections.push(client);
    await expect(client.query('INSERT INTO BigDB.CallLogs VALUES (1, 42)')).rejects.toMatchObject({
      sqlState: '45000',
    });

    expect(await fence('remove', asOwner)).toMatchObject({ code: 0, err: '' });
    expect((await fence('status', [...asOwner, '--json'])).code).toBe(1);
    await client.query('INSERT INTO BigDB.CallLogs VALUES (1, 42)');
  });

  it.each<[what: string, code: number, says: string, attempt: () => ReturnType<typeof fence>]>([
    [
      'a database that does not answer',
      5,
      'aurora: connecting failed',
      () => fence('status', [], configuration({ clusterPort: 1 })),
    ],
    ['a table that is not there', 3, 'Nowhere', () => fence('install', [], configuration({ table: 'Nowhere' }))],
    ['an account that may not', 5, 'lon1: connecting failed', () => fence('status', ['--db-user', 'nobody'])],
  ])('%s: exit code %i', async (_what, code, says, attempt) => {
    const failed = await attempt();
    expect(failed).toMatchObject({ code, out: '' });
    expect(failed.err).toContain(says);
  });
});
