// node setUp.ts FOLDER: the platform as it was before anybody thought of moving, on the servers of docker-compose.yml.

import { readFile } from 'node:fs/promises';
import { DatabaseMigrationServiceClient, DescribeEndpointsCommand } from '@aws-sdk/client-database-migration-service';
import { type DatabaseAddress, onServer, replicateBothWays } from '../lab/databases/index.ts';
import { LAB_CREDENTIALS } from '../lab/estate/endpoints.ts';
import { setUpPlatform } from '../lab/estate/platform.ts';
import type { ProxySqlAddress } from '../lab/proxysql/start.ts';
import { controllerFile } from './controllerFile.ts';
import {
  controllers,
  databasePort,
  dmsPort,
  homeRegion,
  type Layout,
  layoutOf,
  type PlatformFile,
  platformSchema,
  proxies,
  proxyAdminPort,
  proxyAdminUser,
  proxyPort,
  put,
} from './layout.ts';

const dms = { url: `http://dms:${dmsPort}`, region: 'eu-west-2' };
const orgs = 6;
const rows = 3_000;
const routing = 'user';
/** A volume of the controllers. */
const exportsDirectory = '/var/lib/bigdb-cutover/exports';

const beginAnew = 'to begin anew: docker compose down --volumes, then up';

const layout = layoutOf(process.argv);
const known = await readPlatform(layout);
if (known === null) {
  await setUp(layout).catch((error: unknown) => {
    throw new Error(`the platform is not whole; ${beginAnew}`, { cause: error });
  });
} else if (!(await endpointArns()).includes(known.endpointArn)) {
  // The stand-in keeps endpoints and tasks in memory.
  throw new Error(`DMS has been started anew and knows nothing of this platform; ${beginAnew}`);
}

async function readPlatform({ platform }: Layout): Promise<PlatformFile | null> {
  const text = await readFile(platform, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  return text === null ? null : platformSchema.parse(JSON.parse(text));
}

async function setUp(layout: Layout): Promise<void> {
  const secret = (name: string) => readFile(layout.secret(name), 'utf8');
  const root = await secret('root');
  const at = (name: string, flavour: DatabaseAddress['flavour']): DatabaseAddress => ({
    name,
    flavour,
    host: name,
    port: databasePort,
    user: 'root',
    password: root,
  });
  const sites = [at('lon1', 'mariadb'), at('lon2', 'mariadb')] as const;
  const cluster = at(`aurora-${homeRegion}`, 'mysql');
  for (const site of sites) {
    // What an image does when it makes its data belongs to that server alone.
    await onServer(site, (connection) => connection.query("RESET MASTER; SET GLOBAL gtid_slave_pos = ''"));
  }
  await replicateBothWays(...sites, await secret('replication'));
  const proxyAddresses: ProxySqlAddress[] = [];
  for (const name of proxies) {
    const [port, adminPort, adminUser] = [proxyPort, proxyAdminPort, proxyAdminUser];
    proxyAddresses.push({ name, host: name, port, adminPort, adminUser, adminPassword: await secret(name) });
  }
  const platform = await setUpPlatform(
    {
      sites,
      clusters: [{ homeRegion, server: cluster }],
      store: at('store', 'mariadb'),
      coredb: at('coredb', 'mariadb'),
      dms,
      proxies: proxyAddresses,
    },
    { orgs, rows, routing, exportsDirectory, say: (line) => console.log(line) },
  );
  const configs = controllers.map((name) => ({ name, ...platform.config(name) }));
  // All controllers have the same secrets.
  for (const [variable, value] of Object.entries(configs[0]?.env ?? {})) await put(layout.secret(variable), value);
  for (const { name, text } of configs) await put(layout.controller(name), controllerFile(text, layout.secret));
  for (const [role, token] of Object.entries(platform.tokens)) await put(layout.secret(`token-${role}`), token);
  const [endpointArn = ''] = await endpointArns();
  const file: PlatformFile = {
    routing,
    proxies: proxyAddresses.map(({ name, host, port }) => ({ name, host, port })),
    orgs: platform.orgs.map(({ orgId, user, password, database }) => ({ orgId, user, password, database })),
    endpointArn,
  };
  await put(layout.platform, JSON.stringify(file));
}

async function endpointArns(): Promise<readonly string[]> {
  const client = new DatabaseMigrationServiceClient({
    endpoint: dms.url,
    region: dms.region,
    credentials: LAB_CREDENTIALS,
  });
  try {
    const { Endpoints = [] } = await client.send(new DescribeEndpointsCommand({}));
    return Endpoints.map(({ EndpointArn = '' }) => EndpointArn);
  } finally {
    client.destroy();
  }
}
