import { copyFile, mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { createCoreDb } from '../../infra/lab/bigdb/index.ts';
import {
  type DatabaseServer,
  makeTempFolder,
  onServer,
  removeFolder,
  startCluster,
  startMariaDb,
} from '../../infra/lab/databases/index.ts';
import { systemClock } from '../../src/adapters/clock.ts';
import { openAdmin } from '../../src/adapters/proxysql/admin.ts';
import { parseConfig } from '../../src/config/index.ts';
import { closeEstate, openEstate } from '../../src/controller.ts';
import type { Estate } from '../../src/estate/estate.ts';
import { exampleText } from '../config/example.ts';
import { type Authority, makeAuthority } from './certificates.ts';

const account = { user: 'cutover', password: 'encrypted only' };
const homeRegion = 'eu-west-2';

let folder: string;
let right: Authority;
let wrong: Authority;
/** MariaDB: site, store, CoreDB, and as good as a proxy's admin interface. With the name localhost. */
let mariadb: DatabaseServer;
/** The same without a certificate, and with one of another name. */
let bare: DatabaseServer;
let elsewhere: DatabaseServer;
let cluster: DatabaseServer;

beforeAll(async () => {
  folder = await makeTempFolder('bigdb-tls-');
  right = await makeAuthority(folder, 'right');
  wrong = await makeAuthority(folder, 'wrong');
  // In the server's own folder: in a container it sees no other.
  const certified = async (server: string, name: string) => {
    const { certFile, keyFile } = await right.issue(name);
    const home = join(folder, server);
    await mkdir(home, { recursive: true, mode: 0o700 });
    const [ca = '', cert = '', key = ''] = await Promise.all(
      [right.caFile, certFile, keyFile].map(async (file) => {
        const copy = join(home, basename(file));
        await copyFile(file, copy);
        return copy;
      }),
    );
    return { 'ssl-ca': ca, 'ssl-cert': cert, 'ssl-key': key };
  };
  const variables = {
    mariadb: await certified('mariadb', 'localhost'),
    cluster: await certified('cluster', 'localhost'),
    elsewhere: await certified('elsewhere', 'elsewhere.example.net'),
  };
  [mariadb, cluster, bare, elsewhere] = await Promise.all([
    startMariaDb({ name: 'mariadb', baseDir: folder, variables: variables.mariadb }),
    startCluster({ name: 'cluster', baseDir: folder, variables: variables.cluster }),
    startMariaDb({ name: 'bare', baseDir: folder }),
    startMariaDb({ name: 'elsewhere', baseDir: folder, variables: variables.elsewhere }),
  ]);
  for (const server of [mariadb, cluster]) {
    await onServer(server, async (connection) => {
      await connection.query(`CREATE USER '${account.user}'@'%' IDENTIFIED BY '${account.password}' REQUIRE SSL`);
      await connection.query(`GRANT ALL ON *.* TO '${account.user}'@'%'`);
      await connection.query('CREATE DATABASE bigdb_cutover_store');
    });
  }
  await createCoreDb(mariadb, [{ orgId: 42, homeRegion }]);
});
afterAll(async () => {
  await Promise.all([mariadb, cluster, bare, elsewhere].map((server) => server?.stop()));
  await removeFolder(folder);
});

interface Way {
  /** As the configuration has it. */
  readonly tls: unknown;
  readonly host: string;
  readonly port?: number;
}

/** The controller's own adapters, each reached in the given way. */
async function reached<T>(
  way: Way,
  work: (estate: Estate, admin: ReturnType<typeof openAdmin>) => Promise<T>,
): Promise<T> {
  const document = parse(exampleText);
  const at = ({ port }: DatabaseServer) => ({ host: way.host, port: way.port ?? port, ...account, tls: way.tls });
  const secret = { password: { env: 'PASSWORD' } };
  for (const place of [document.store, document.coredb, document.sites[0]]) Object.assign(place, at(mariadb), secret);
  Object.assign(document.clusters[0], at(cluster), secret);
  const { port, user, ...proxy } = at(mariadb);
  Object.assign(document.proxies[0], { ...proxy, adminPort: port, adminUser: user, adminPassword: secret.password });
  delete document.proxies[0].password;
  const env = new Proxy<Record<string, string>>({}, { get: () => account.password });
  const config = parseConfig(stringify(document), { file: 'tls.yaml', folder, env });
  const estate = openEstate(config, pino({ level: 'silent' }));
  const [{ tls, ...first }] = config.proxies as [(typeof config.proxies)[number]];
  const admin = openAdmin({ ...first, ...(tls === undefined ? {} : { ssl: tls }) }, systemClock);
  try {
    return await work(estate, admin);
  } finally {
    admin.close();
    await closeEstate(estate);
  }
}

describe.each<[string, (estate: Estate, admin: ReturnType<typeof openAdmin>) => Promise<unknown>]>([
  ['a site', (estate) => estate.sites[0].ping()],
  ['a cluster', async (estate) => estate.clusters.get(homeRegion)?.ping()],
  ['the store', (estate) => estate.store.ping()],
  ['CoreDB', (estate) => estate.directory.ping()],
  ['an admin interface', (_, admin) => admin.rows('SELECT 1')],
])('%s', (_, ask) => {
  it.each<[string, () => Way]>([
    ['of the right authority and name', () => ({ tls: { caFile: right.caFile }, host: 'localhost' })],
    [
      'of the right authority, where names do not count',
      () => ({ tls: { caFile: right.caFile, verifyHostname: false }, host: '127.0.0.1' }),
    ],
  ])('is taken with a certificate %s', async (_, way) => {
    await expect(reached(way(), ask)).resolves.not.toThrow();
  });

  it.each<[string, () => Way, RegExp]>([
    ['a certificate of another authority', () => ({ tls: { caFile: wrong.caFile }, host: 'localhost' }), /certificate/],
    ['a certificate that none of the usual authorities made', () => ({ tls: {}, host: 'localhost' }), /certificate/],
    [
      'a certificate of another authority, where names do not count',
      () => ({ tls: { caFile: wrong.caFile, verifyHostname: false }, host: 'localhost' }),
      /certificate/,
    ],
    [
      'a certificate of another name',
      () => ({ tls: { caFile: right.caFile }, host: 'localhost', port: elsewhere.port }),
      /localhost.*elsewhere\.example\.net/,
    ],
    [
      'no certificate',
      () => ({ tls: { caFile: right.caFile }, host: 'localhost', port: bare.port }),
      /secure connection/,
    ],
  ])('is refused with %s', async (_, way, reason) => {
    await expect(reached(way(), ask)).rejects.toThrow(reason);
  });

  it('is not reached in the clear by an account that has to be encrypted', async () => {
    await expect(reached({ tls: false, host: 'localhost' }, ask)).rejects.toThrow(/denied/i);
  });
});
