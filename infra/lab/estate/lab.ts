import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { installFence } from '../../../src/fence/index.ts';
import type { Policy } from '../../../statecharts/policy.ts';
import {
  type Account,
  BIGDB_SCHEMA,
  createAccounts,
  createBigDbSchema,
  createCoreDb,
  createOrgSchemas,
  HOME_REGIONS,
  type LabAccounts,
  labOrgIds,
  makeAccounts,
  ORG_COLUMN,
  ORG_TABLES,
  orgSchemaName,
  raiseAutoIncrements,
  seedOrgs,
} from '../bigdb/index.ts';
import {
  type ControlServers,
  clusterIdVariables,
  type DatabaseServer,
  makeTempFolder,
  onServer,
  removeFolder,
  type Sites,
  startCluster,
  startControl,
  startSites,
} from '../databases/index.ts';
import { type DmsServer, startDms } from '../dms/start.ts';
import { type ProxySqlServer, startProxySql } from '../proxysql/start.ts';
import { controllerConfig, fenceUsers, type LabTokens, makeTokens } from './controllerConfig.ts';
import { type ControllerProcess, startController } from './controllerProcess.ts';
import { createEndpoints, type RegionEndpoints } from './endpoints.ts';
import { configureProxy, type LabProxy } from './proxies.ts';

/** What to start. */
export interface LabOptions {
  /** Orgs of the platform. Default 6. */
  readonly orgs?: number;
  /** Default 2: one at each site. With four, two more stand on Nexus. */
  readonly proxies?: number;
  /** Home regions, each with a cluster of its own. Default 1. */
  readonly regions?: number;
  readonly routing?: 'user' | 'schema' | 'comment';
  /** Rows of the smallest org, about. Default 3,000. */
  readonly rows?: number;
  readonly policy?: Partial<Policy>;
  /** Told what is being done, a line each. */
  onProgress?(line: string): void;
}

/** One org with the account of its clients. */
export interface LabOrgAccess {
  readonly orgId: number;
  readonly homeRegion: string;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/** The whole platform on this machine, without a controller. */
export interface Lab {
  readonly baseDir: string;
  /** Where the controllers export rows to. */
  readonly exportsDirectory: string;
  readonly routing: 'user' | 'schema' | 'comment';
  readonly sites: Sites;
  readonly clusters: readonly { readonly homeRegion: string; readonly server: DatabaseServer }[];
  readonly control: ControlServers;
  readonly proxies: readonly ProxySqlServer[];
  readonly dms: DmsServer;
  readonly accounts: LabAccounts;
  readonly orgs: readonly LabOrgAccess[];
  readonly tokens: LabTokens;
  readonly storeAccount: Account & { readonly database: string };
  /** Starts one more controller on the lab's store. */
  controller(name: string): Promise<ControllerProcess>;
  /** Text of a controller's configuration, and the environment for its secrets. */
  config(name: string): { text: string; env: Record<string, string> };
  /** Ends everything and removes the folder. */
  stop(): Promise<void>;
}

/** Databases, proxies, replication service, data and fences: everything that a controller needs. Ready when it resolves. */
export async function startLab(options: LabOptions = {}): Promise<Lab> {
  const { orgs: orgCount = 6, proxies: proxyCount = 2, regions = 1, routing = 'user', rows = 3_000 } = options;
  const say = options.onProgress ?? (() => {});
  const baseDir = await makeTempFolder('bigdb-cutover-lab-');
  const started: (() => Promise<unknown>)[] = [];
  const controllers: ControllerProcess[] = [];
  const stop = async () => {
    await Promise.allSettled(controllers.map((controller) => controller.stop()));
    await Promise.allSettled(started.map((end) => end()));
    await removeFolder(baseDir);
  };
  const starting = async <T>(work: Promise<T>, end: (thing: T) => Promise<unknown>): Promise<T> => {
    const thing = await work;
    started.push(() => end(thing));
    return thing;
  };
  try {
    say('starting databases: two sites, the cluster, store and CoreDB');
    const homeRegions = HOME_REGIONS.slice(0, regions);
    const startingSites = starting(startSites({ baseDir }), (it) => it.stop());
    const startingControl = starting(startControl({ baseDir }), (it) => it.stop());
    const startingDms = starting(startDms({ baseDir }), (it) => it.stop());
    const startingClusters = homeRegions.map((region, index) =>
      starting(startCluster({ name: `aurora-${region}`, baseDir, variables: clusterIdVariables(index) }), (it) =>
        it.stop(),
      ),
    );
    // All have to have ended one way or the other before anything is stopped again.
    await Promise.allSettled([startingSites, startingControl, startingDms, ...startingClusters]);
    const [sites, control, dms] = [await startingSites, await startingControl, await startingDms];
    const clusterServers = await Promise.all(startingClusters);
    const siteServers = sites.sites.map(({ server }) => server);
    const clusters = clusterServers.map((server, index) => ({ homeRegion: homeRegions[index] ?? '', server }));
    const orgIds = labOrgIds(orgCount);
    const orgs = orgIds.map((orgId, index) => ({ orgId, homeRegion: homeRegions[index % homeRegions.length] ?? '' }));
    const accounts = makeAccounts(orgIds);

    say(`creating BigDB: ${orgCount} orgs, ${rows} rows and more each`);
    await Promise.all([
      ...siteServers.map((server) => createBigDb(server, 'site', accounts, orgIds)),
      ...clusterServers.map((server) => createBigDb(server, 'cluster', accounts, orgIds)),
      createCoreDb(control.coredb, orgs),
    ]);
    const [firstSite] = siteServers as [DatabaseServer];
    await seedOrgs({ site: firstSite, orgs: orgIds, rowsPerOrg: rows });
    await sites.waitUntilInStep();
    for (const server of clusterServers) await raiseAutoIncrements(server, siteServers);

    say('installing the fence');
    await installLabFence(siteServers, clusters, accounts, orgIds);
    await sites.waitUntilInStep();

    say(`starting ${proxyCount} proxies`);
    const proxies = await Promise.all(
      proxyNames(proxyCount).map(async (name, index): Promise<LabProxy> => {
        const server = await starting(startProxySql({ name, baseDir }), (it) => it.stop());
        const proxy = { server, site: siteServers[index % siteServers.length] ?? firstSite };
        await configureProxy(proxy, clusterServers, accounts);
        return proxy;
      }),
    );
    const endpoints: RegionEndpoints[] = [];
    for (const { server } of clusters) endpoints.push(await createEndpoints(dms, firstSite, server, accounts.dms));

    const storeAccount = await createStoreAccount(control.store);
    const tokens = makeTokens();
    const exportsDirectory = join(baseDir, 'exports');
    await mkdir(exportsDirectory);
    const config = controllerConfig({
      routing,
      sites: siteServers,
      clusters: clusters.map((cluster, index) => ({ ...cluster, endpoints: endpoints[index] as RegionEndpoints })),
      store: {
        host: control.store.host,
        port: control.store.port,
        account: storeAccount,
        database: storeAccount.database,
      },
      coredb: control.coredb,
      proxies: proxies.map(({ server }) => server),
      dms,
      accounts,
      tokens,
      policy: options.policy ?? {},
      exportsDirectory,
    });
    return {
      baseDir,
      exportsDirectory,
      routing,
      sites,
      clusters,
      control,
      proxies: proxies.map(({ server }) => server),
      dms,
      accounts,
      orgs: orgs.map((org) => ({ ...org, ...accessOf(org.orgId, routing, accounts) })),
      tokens,
      storeAccount,
      config,
      async controller(name) {
        const controller = await startController(name, config(name), baseDir);
        controllers.push(controller);
        return controller;
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function createBigDb(
  server: DatabaseServer,
  kind: 'site' | 'cluster',
  accounts: LabAccounts,
  orgIds: readonly number[],
): Promise<void> {
  await createBigDbSchema(server, kind);
  await createOrgSchemas(server, orgIds);
  await createAccounts(server, accounts);
}

async function installLabFence(
  siteServers: readonly DatabaseServer[],
  clusters: readonly { readonly homeRegion: string; readonly server: DatabaseServer }[],
  accounts: LabAccounts,
  orgIds: readonly number[],
): Promise<void> {
  const connect = <T>(servers: readonly DatabaseServer[], work: (connections: readonly Connection[]) => Promise<T>) => {
    const open = (opened: readonly Connection[]): Promise<T> => {
      const next = servers[opened.length];
      return next === undefined ? work(opened) : onServer(next, (connection) => open([...opened, connection]));
    };
    return open([]);
  };
  await connect([...siteServers, ...clusters.map(({ server }) => server)], async (connections) => {
    await installFence({
      sites: siteServers.map(({ name }, index) => ({
        name,
        serverId: index + 1,
        connection: connections[index] as Connection,
      })),
      clusters: clusters.map(({ homeRegion, server }, index) => ({
        name: server.name,
        homeRegion,
        connection: connections[siteServers.length + index] as Connection,
      })),
      tables: ORG_TABLES.map(({ name: table }) => ({ schema: BIGDB_SCHEMA, table, orgColumn: ORG_COLUMN })),
      users: fenceUsers(accounts),
      orgIds,
    });
  });
}

type Connection = Parameters<Parameters<typeof onServer>[1]>[0];

async function createStoreAccount(store: DatabaseServer): Promise<Account & { database: string }> {
  const account = { user: 'cutover_store', password: randomBytes(12).toString('hex'), database: 'cutover' };
  await onServer(store, (connection) =>
    connection.query(
      `CREATE DATABASE ${account.database} CHARACTER SET utf8mb4;
       CREATE USER '${account.user}'@'%' IDENTIFIED BY '${account.password}';
       GRANT ALL PRIVILEGES ON ${account.database}.* TO '${account.user}'@'%'`,
    ),
  );
  return account;
}

/** Two on premises, one at each site; more of them stand on Nexus, in turn in two regions. */
function proxyNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => (index < 2 ? `proxy-lon${index + 1}` : `proxy-nexus${index - 1}`));
}

function accessOf(orgId: number, routing: 'user' | 'schema' | 'comment', accounts: LabAccounts) {
  const own = accounts.orgs.get(orgId) ?? accounts.app;
  switch (routing) {
    case 'user':
      return { ...own, database: BIGDB_SCHEMA };
    case 'schema':
      return { ...accounts.app, database: orgSchemaName(orgId) };
    case 'comment':
      return { ...accounts.app, database: BIGDB_SCHEMA };
  }
}
