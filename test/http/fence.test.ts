import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Connection, createConnection } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { type DatabaseServer, startCluster, startMariaDb } from '../../infra/lab/databases/index.ts';
import { createStore } from '../../src/adapters/store/store.ts';
import { run } from '../../src/cli/run.ts';
import type { Store } from '../../src/ports/store.ts';

const regions = 'eu-west-2';
const arn = (kind: string, name: string) => `arn:aws:dms:${regions}:123456789012:${kind}:${name}`;
const endpoints = { sourceEndpointArn: arn('endpoint', 'S'), targetEndpointArn: arn('endpoint', 'T') };
const password = { env: 'DB_PASSWORD' };
const purge = { user: 'purge', password };
const sha256 = (token: string) => createHash('sha256').update(token).digest('hex');

let folder: string;
let site: DatabaseServer;
let cluster: DatabaseServer;
let store: Store;
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
  await connections[0]?.query('CREATE DATABASE store');
  store = createStore({ ...address(site), user: site.user, password: site.password, database: 'store' });
  await store.migrate();
  await connections[0]?.query('CREATE DATABASE CoreDB');
  await connections[0]?.query('CREATE TABLE CoreDB.Organisation (OrgID BIGINT PRIMARY KEY, HomeRegion VARCHAR(32))');
  await connections[0]?.query(
    `INSERT INTO CoreDB.Organisation VALUES (4, '${regions}'), (42, '${regions}'), (420, NULL)`,
  );
});

afterAll(async () => {
  await store?.close();
  for (const connection of connections) connection.destroy();
  await Promise.all([site?.stop(), cluster?.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

const address = ({ host, port }: DatabaseServer) => ({ host, port });

function configuration(changes: { clusterPort?: number; storePort?: number; table?: string } = {}): string {
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
      tokens: [
        { name: 'ann', role: 'approver', sha256: sha256('of-ann') },
        { name: 'bob', role: 'operator', sha256: sha256('of-bob') },
        { name: 'eve', role: 'viewer', sha256: sha256('of-eve') },
      ],
      store: { ...database(site), database: 'store', port: changes.storePort ?? site.port },
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

async function fence(
  action: string,
  options: string[] = [],
  path = configuration(),
  tokens: Record<string, string> = {},
) {
  let out = '';
  let err = '';
  const code = await run(
    ['fence', action, '--config', path, ...options],
    {
      DB_PASSWORD: 'unused',
      PASSWORD_OF_lon1: site.password,
      PASSWORD_OF_aurora: cluster.password,
      BIGDB_CUTOVER_DB_PASSWORD: 'of the fence',
      ...tokens,
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
const removing = [...asOwner, '--reason', 'CHG-1234'];
const by = (own: string, second?: string) => ({
  BIGDB_CUTOVER_TOKEN: own,
  ...(second === undefined ? {} : { BIGDB_CUTOVER_SECOND_TOKEN: second }),
});

describe('fence', () => {
  it('is installed for every org of CoreDB, shown, and removed', async () => {
    const before = await fence('status', asOwner);
    expect(before.code).toBe(1);
    expect(before.out).toMatch(/^lon1 +site +NO .* 0 of 3 +all +all/m);

    const installed = await fence('install', [...asOwner, '--json']);
    expect(installed).toMatchObject({ code: 0, err: '' });
    expect(JSON.parse(installed.out)).toMatchObject({ triggersMade: 6, triggersDropped: 0, fenceRowsMade: 6 });
    expect((await fence('install', asOwner)).out).toMatch(/^triggers made +0$/m);

    const refreshed = await fence('refresh', [...asOwner, '--json']);
    expect(refreshed).toMatchObject({ code: 0, err: '' });
    expect(JSON.parse(refreshed.out)).toEqual({ tablesRefreshed: 1 });

    const after = await fence('status', asOwner);
    expect(after.code).toBe(0);
    expect(after.out).toMatch(/^lon1 +site +yes +right +3 of 3 +0 +0 +clients 3$/m);
    expect(after.out).toMatch(/^aurora +cluster +yes +right +3 of 3 +0 +0 +nobody 3$/m);
    const [rows] = await (connections[0] as Connection).query(
      'SELECT DISTINCT DEFINER AS definer FROM information_schema.TRIGGERS',
    );
    expect(rows).toEqual([{ definer: 'owner@%' }]);

    const client = await createConnection({ ...address(cluster), user: 'app', password: 'client' });
    connections.push(client);
    await expect(client.query('INSERT INTO BigDB.CallLogs VALUES (1, 42)')).rejects.toMatchObject({
      sqlState: '45000',
    });

    // By one person, by the same one twice, without an approver, with somebody who only looks: nothing goes.
    for (const [tokens, code] of [
      [by('of-ann'), 'SECOND_TOKEN_NEEDED'],
      [by('of-ann', 'of-ann'), 'SECOND_TOKEN_NEEDED'],
      [by('of-bob', 'of-ann'), 'ROLE_TOO_LOW'],
      [by('of-ann', 'of-eve'), 'ROLE_TOO_LOW'],
      [by('of-ann', 'of-nobody'), 'TOKEN_REFUSED'],
    ] as const) {
      const refused = await fence('remove', [...removing, '--json'], configuration(), tokens);
      expect(refused).toMatchObject({ code: 3, out: '' });
      expect(JSON.parse(refused.err)).toMatchObject({ code });
    }
    expect((await fence('remove', asOwner, configuration(), by('of-ann', 'of-bob'))).code).toBe(2);
    expect(await store.audit(0, 10)).toEqual([]);
    const unrecorded = await fence('remove', removing, configuration({ storePort: 1 }), by('of-ann', 'of-bob'));
    expect(unrecorded.code).toBe(5);
    expect((await fence('status', asOwner)).code).toBe(0);

    expect(await fence('remove', removing, configuration(), by('of-ann', 'of-bob'))).toMatchObject({
      code: 0,
      err: '',
    });
    expect(await store.audit(0, 10)).toMatchObject([
      {
        actor: 'ann',
        role: 'approver',
        from: expect.stringContaining('@'),
        action: 'fence remove',
        input: { reason: 'CHG-1234', secondPerson: 'bob' },
        outcome: { status: 200, code: null },
      },
    ]);
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
