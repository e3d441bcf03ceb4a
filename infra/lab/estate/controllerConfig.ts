import { createHash, randomBytes } from 'node:crypto';
import { stringify } from 'yaml';
import type { Limits } from '../../../src/waves/settings.ts';
import type { Policy } from '../../../statecharts/policy.ts';
import { type Account, BIGDB_SCHEMA, type LabAccounts, ORG_COLUMN, ORG_TABLES, TECH_TABLES } from '../bigdb/index.ts';
import type { DatabaseAddress } from '../databases/index.ts';
import type { ProxySqlAddress } from '../proxysql/start.ts';
import { LAB_CREDENTIALS, type RegionEndpoints } from './endpoints.ts';
import { CONTROLLER_RANGES, clusterHostgroup, SOURCE_HOSTGROUPS } from './proxies.ts';

/** One bearer token for each role. */
export interface LabTokens {
  readonly viewer: string;
  readonly operator: string;
  readonly approver: string;
  readonly admin: string;
}

export function makeTokens(): LabTokens {
  const token = () => randomBytes(24).toString('hex');
  return { viewer: token(), operator: token(), approver: token(), admin: token() };
}

/** A policy for a lab: the same gates as in production, with days shortened to seconds. */
export const LAB_POLICY: Partial<Policy> = {
  approval: 'manual',
  completion: 'manual',
  flipBackoffMs: 500,
  flipBackoffMaxMs: 5_000,
  soakMs: 5_000,
};

/** What the configuration is made from. */
export interface ControllerConfigInput {
  readonly routing: 'user' | 'schema' | 'comment';
  readonly sites: readonly DatabaseAddress[];
  readonly clusters: readonly {
    readonly homeRegion: string;
    readonly server: DatabaseAddress;
    readonly endpoints: RegionEndpoints;
  }[];
  readonly store: {
    readonly host: string;
    readonly port: number;
    readonly account: Account;
    readonly database: string;
  };
  readonly coredb: DatabaseAddress;
  readonly proxies: readonly ProxySqlAddress[];
  readonly dms: { readonly url: string; readonly region: string };
  readonly accounts: LabAccounts;
  readonly tokens: LabTokens;
  readonly policy: Partial<Policy>;
  readonly waveLimits?: Partial<Limits>;
  /** Where rows go that an accepted loss leaves behind. */
  readonly exportsDirectory: string;
}

/** The YAML text and the environment that its secrets are read from. */
export function controllerConfig(
  input: ControllerConfigInput,
): (name: string) => { text: string; env: Record<string, string> } {
  const env: Record<string, string> = {
    LAB_CUTOVER_PASSWORD: input.accounts.cutover.password,
    LAB_PURGE_PASSWORD: input.accounts.purge.password,
    LAB_STORE_PASSWORD: input.store.account.password,
    LAB_COREDB_PASSWORD: input.coredb.password,
    LAB_DMS_KEY: LAB_CREDENTIALS.accessKeyId,
    LAB_DMS_SECRET: LAB_CREDENTIALS.secretAccessKey,
  };
  for (const proxy of input.proxies) env[passwordName(proxy)] = proxy.adminPassword;
  const place = (server: DatabaseAddress) => ({
    host: server.host,
    port: server.port,
    user: input.accounts.cutover.user,
    password: { env: 'LAB_CUTOVER_PASSWORD' },
    purge: { user: input.accounts.purge.user, password: { env: 'LAB_PURGE_PASSWORD' } },
  });
  return (name) => ({
    env,
    text: stringify({
      controller: { name, http: { host: '127.0.0.1', port: 0 }, logLevel: 'info' },
      tokens: Object.entries(input.tokens).map(([role, token]) => ({
        name: `lab-${role}`,
        role,
        sha256: createHash('sha256').update(token).digest('hex'),
      })),
      store: {
        host: input.store.host,
        port: input.store.port,
        user: input.store.account.user,
        password: { env: 'LAB_STORE_PASSWORD' },
        database: input.store.database,
      },
      coredb: {
        host: input.coredb.host,
        port: input.coredb.port,
        user: input.coredb.user,
        password: { env: 'LAB_COREDB_PASSWORD' },
      },
      sites: input.sites.map((server, index) => ({ name: server.name, ...place(server), serverId: index + 1 })),
      clusters: input.clusters.map(({ homeRegion, server }) => ({ name: server.name, homeRegion, ...place(server) })),
      dms: {
        regions: Object.fromEntries(
          input.clusters.map(({ homeRegion, endpoints }) => [
            homeRegion,
            { region: input.dms.region, endpoint: input.dms.url, ...endpoints },
          ]),
        ),
        // The lab's tasks live a hundred times faster than real ones, and its service takes 200 calls a second.
        pollIntervalMs: 50,
        settleMs: 150,
        apiRate: { burst: 100, perSecond: 100 },
        credentials: { accessKeyId: { env: 'LAB_DMS_KEY' }, secretAccessKey: { env: 'LAB_DMS_SECRET' } },
      },
      proxies: input.proxies.map((proxy) => ({
        name: proxy.name,
        host: proxy.host,
        adminPort: proxy.adminPort,
        port: proxy.port,
        adminUser: proxy.adminUser,
        adminPassword: { env: passwordName(proxy) },
      })),
      routing: {
        by: input.routing,
        ...CONTROLLER_RANGES,
        source: SOURCE_HOSTGROUPS,
        clusters: Object.fromEntries(
          input.clusters.map(({ homeRegion }, index) => [homeRegion, { writerHostgroup: clusterHostgroup(index) }]),
        ),
      },
      catalogue: {
        tables: ORG_TABLES.map(({ name: table }) => ({ schema: BIGDB_SCHEMA, table, orgColumn: ORG_COLUMN })),
        techTables: TECH_TABLES.map((table) => ({ schema: BIGDB_SCHEMA, table })),
      },
      fence: { users: fenceUsers(input.accounts) },
      exports: { directory: input.exportsDirectory },
      waves: { limits: input.waveLimits ?? {} },
      policy: { ...LAB_POLICY, ...input.policy },
    }),
  });
}

/** Who writes as what at the fences. */
export function fenceUsers(accounts: LabAccounts) {
  return {
    forward: [accounts.dms.user],
    reverse: [accounts.dms.user],
    exempt: [accounts.purge.user, accounts.cutover.user],
  };
}

function passwordName(proxy: ProxySqlAddress): string {
  return `LAB_${proxy.name.toUpperCase().replaceAll('-', '_')}_PASSWORD`;
}
