import { randomBytes } from 'node:crypto';
import { installFence } from '../../../src/fence/index.ts';
import type { Limits } from '../../../src/waves/settings.ts';
import type { Policy } from '../../../statecharts/policy.ts';
import {
  type Account,
  BIGDB_SCHEMA,
  createAccounts,
  createBigDbSchema,
  createCoreDb,
  createOrgSchemas,
  type LabAccounts,
  labOrgIds,
  makeAccounts,
  ORG_COLUMN,
  ORG_TABLES,
  orgSchemaName,
  raiseAutoIncrements,
  seedOrgs,
} from '../bigdb/index.ts';
import { type DatabaseAddress, onServer, waitUntilInStep } from '../databases/index.ts';
import type { ProxySqlAddress } from '../proxysql/start.ts';
import { controllerConfig, fenceUsers, type LabTokens, makeTokens } from './controllerConfig.ts';
import { createEndpoints, type RegionEndpoints } from './endpoints.ts';
import { configureProxy } from './proxies.ts';

/** Servers that run and are empty; the sites replicate from each other. */
export interface PlatformServers {
  readonly sites: readonly [DatabaseAddress, DatabaseAddress];
  readonly clusters: readonly { readonly homeRegion: string; readonly server: DatabaseAddress }[];
  readonly store: DatabaseAddress;
  readonly coredb: DatabaseAddress;
  readonly dms: { readonly url: string; readonly region: string };
  /** In turn at the one site and the other. */
  readonly proxies: readonly ProxySqlAddress[];
}

/** What the platform is to be. */
export interface PlatformOptions {
  readonly orgs: number;
  /** Rows of the smallest org, about. */
  readonly rows: number;
  readonly routing: 'user' | 'schema' | 'comment';
  readonly policy?: Partial<Policy>;
  readonly waveLimits?: Partial<Limits>;
  /** Where the controllers export rows to. */
  readonly exportsDirectory: string;
  /** Told what is being done, a line each. */
  say(line: string): void;
}

/** One org with the account of its clients. */
export interface LabOrgAccess {
  readonly orgId: number;
  readonly homeRegion: string;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/** A platform as it was before anybody thought of moving, with everything that a controller needs. */
export interface Platform {
  readonly accounts: LabAccounts;
  readonly orgs: readonly LabOrgAccess[];
  readonly tokens: LabTokens;
  readonly storeAccount: Account & { readonly database: string };
  /** Text of a controller's configuration, and the environment for its secrets. */
  config(name: string): { text: string; env: Record<string, string> };
}

/** Schemas, orgs, fences, accounts, proxies and endpoints, on servers that run. */
export async function setUpPlatform(servers: PlatformServers, options: PlatformOptions): Promise<Platform> {
  const { sites, clusters, store, coredb, dms, proxies } = servers;
  const { routing, say } = options;
  const clusterServers = clusters.map(({ server }) => server);
  const orgIds = labOrgIds(options.orgs);
  const orgs = orgIds.map((orgId, index) => ({
    orgId,
    homeRegion: clusters[index % clusters.length]?.homeRegion ?? '',
  }));
  const accounts = makeAccounts(orgIds);

  say(`creating BigDB: ${options.orgs} orgs, ${options.rows} rows and more each`);
  await Promise.all([
    ...sites.map((server) => createBigDb(server, 'site', accounts, orgIds)),
    ...clusterServers.map((server) => createBigDb(server, 'cluster', accounts, orgIds)),
    createCoreDb(coredb, orgs),
  ]);
  const [firstSite] = sites;
  await seedOrgs({ site: firstSite, orgs: orgIds, rowsPerOrg: options.rows });
  await waitUntilInStep(sites);
  for (const server of clusterServers) await raiseAutoIncrements(server, sites);

  say('installing the fence');
  await installLabFence(sites, clusters, accounts, orgIds);
  await waitUntilInStep(sites);

  say(`setting up ${proxies.length} proxies`);
  await Promise.all(
    proxies.map((server, index) =>
      configureProxy({ server, site: sites[index % sites.length] ?? firstSite }, clusterServers, accounts),
    ),
  );
  const endpoints: RegionEndpoints[] = [];
  for (const server of clusterServers) endpoints.push(await createEndpoints(dms, firstSite, server, accounts.dms));

  const storeAccount = await createStoreAccount(store);
  const tokens = makeTokens();
  const config = controllerConfig({
    routing,
    sites,
    clusters: clusters.map((cluster, index) => ({ ...cluster, endpoints: endpoints[index] as RegionEndpoints })),
    store: { host: store.host, port: store.port, account: storeAccount, database: storeAccount.database },
    coredb,
    proxies,
    dms,
    accounts,
    tokens,
    policy: options.policy ?? {},
    waveLimits: options.waveLimits ?? {},
    exportsDirectory: options.exportsDirectory,
  });
  return {
    accounts,
    orgs: orgs.map((org) => ({ ...org, ...accessOf(org.orgId, routing, accounts) })),
    tokens,
    storeAccount,
    config,
  };
}

async function createBigDb(
  server: DatabaseAddress,
  kind: 'site' | 'cluster',
  accounts: LabAccounts,
  orgIds: readonly number[],
): Promise<void> {
  await createBigDbSchema(server, kind);
  await createOrgSchemas(server, orgIds);
  await createAccounts(server, accounts);
}

async function installLabFence(
  siteServers: readonly DatabaseAddress[],
  clusters: readonly { readonly homeRegion: string; readonly server: DatabaseAddress }[],
  accounts: LabAccounts,
  orgIds: readonly number[],
): Promise<void> {
  const connect = <T>(
    servers: readonly DatabaseAddress[],
    work: (connections: readonly Connection[]) => Promise<T>,
  ) => {
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

async function createStoreAccount(store: DatabaseAddress): Promise<Account & { database: string }> {
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
