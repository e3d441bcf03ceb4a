import { stringify } from 'yaml';
import { type Config, parseConfig } from '../../../src/config/index.ts';
import { regions, tables, type WorldChoice } from './choice.ts';

export const sourceHostgroups = { writerHostgroup: 10, readerHostgroup: 11 };
export const clusterHostgroup = (region: string): number => 20 + regions.indexOf(region as (typeof regions)[number]);
export const siteNames = ['lon1', 'lon2'] as const;
export const clusterName = (region: string): string => `aurora-${region}`;
export const proxyName = (index: number): string => `proxy-${index + 1}`;

/** Accounts at the databases. */
export const users = { cutover: 'cutover', purge: 'purge', dms: 'dms', app: 'app', store: 'store', coredb: 'coredb' };

const arn = (kind: 'rep' | 'endpoint', region: string, name: string) =>
  `arn:aws:dms:${region}:000000000000:${kind}:${name}`;

/** ARNs of a region, as the simulated DMS knows them. */
export function dmsOf(region: string) {
  return {
    region,
    replicationInstanceArn: arn('rep', region, 'INSTANCE'),
    forward: {
      sourceEndpointArn: arn('endpoint', region, 'SITESOURCE'),
      targetEndpointArn: arn('endpoint', region, 'CLUSTERTARGET'),
    },
    reverse: {
      sourceEndpointArn: arn('endpoint', region, 'CLUSTERSOURCE'),
      targetEndpointArn: arn('endpoint', region, 'SITETARGET'),
    },
  };
}

/** A controller's configuration, checked as any other. Host names are the names of the world's servers. */
export function controllerConfig(name: string, choice: WorldChoice): Config {
  const account = (host: string, user: string) => ({
    host,
    port: 3306,
    user,
    password: { env: 'PASSWORD' },
    tls: false,
  });
  const place = (host: string) => ({
    ...account(host, users.cutover),
    purge: { user: users.purge, password: { env: 'PASSWORD' } },
  });
  const text = stringify({
    controller: { name },
    tokens: [{ name: 'nobody', role: 'viewer', sha256: '0'.repeat(64) }],
    store: { ...account('store', users.store), database: 'cutover_store' },
    coredb: account('coredb', users.coredb),
    sites: siteNames.map((site, index) => ({ name: site, ...place(site), serverId: index + 1 })),
    clusters: regions.map((region) => ({
      name: clusterName(region),
      homeRegion: region,
      ...place(clusterName(region)),
    })),
    dms: {
      regions: Object.fromEntries(regions.map((region) => [region, dmsOf(region)])),
      pollIntervalMs: 200,
      settleMs: 400,
      apiRate: { burst: 100, perSecond: 50 },
    },
    proxies: Array.from({ length: choice.proxies }, (_, index) => ({
      name: proxyName(index),
      host: proxyName(index),
      adminPort: 6032,
      adminUser: 'cutover',
      adminPassword: { env: 'PASSWORD' },
      tls: false,
    })),
    // So few that orgs wait for each other.
    flips: { atOnce: choice.flipsAtOnce },
    routing: {
      by: choice.routing,
      ruleIds: { from: 10_000, to: 19_999 },
      holdHostgroups: { from: 30_000, to: 39_999 },
      sentinelRuleId: 2_000_000_000,
      source: sourceHostgroups,
      clusters: Object.fromEntries(regions.map((region) => [region, { writerHostgroup: clusterHostgroup(region) }])),
      upkeep: { everyMs: 1_500, drift: choice.drift },
    },
    catalogue: { tables: tables.map((table) => ({ schema: 'BigDB', table, orgColumn: 'OrgID' })), techTables: [] },
    fence: { users: { forward: [users.dms], reverse: [users.dms], exempt: [users.purge, users.cutover] } },
    policy: choice.policy,
  });
  return parseConfig(text, { file: 'simulation', folder: '.', env: { PASSWORD: 'secret' } });
}

/** How an org's clients come to the proxies, and how they are told apart there. */
export function identityOf(routing: WorldChoice['routing'], orgId: number) {
  return {
    user: routing === 'user' ? `org_${orgId}` : users.app,
    schema: routing === 'schema' ? `BigDB_${orgId}` : 'BigDB',
    annotation: routing === 'comment' ? `/* OrgID=${orgId} */ ` : '',
  };
}

/** What the platform has set up at a proxy before anybody thought of moving. */
export function proxySetUp(site: string, { orgs, routing, split }: WorldChoice): string[] {
  const { writerHostgroup, readerHostgroup } = sourceHostgroups;
  const servers = [
    [writerHostgroup, site],
    [readerHostgroup, site],
    ...regions.map((region) => [clusterHostgroup(region), clusterName(region)]),
  ];
  const logins = new Set([users.app, ...orgs.map(({ orgId }) => identityOf(routing, orgId).user)]);
  return [
    ...[...logins].map(
      (user) =>
        `INSERT INTO mysql_users (username, password, default_hostgroup) VALUES ('${user}', 'secret', ${writerHostgroup})`,
    ),
    ...servers.map(
      ([hostgroup, host]) =>
        `INSERT INTO mysql_servers (hostgroup_id, hostname, port, max_connections) VALUES (${hostgroup}, '${host}', 3306, 200)`,
    ),
    ...(split
      ? [
          `INSERT INTO mysql_query_rules (rule_id, active, match_digest, destination_hostgroup, apply, comment) VALUES
             (1000000, 1, '^SELECT .*FOR UPDATE', ${writerHostgroup}, 1, 'read/write split: locking reads'),
             (1000001, 1, '^SELECT ', ${readerHostgroup}, 1, 'read/write split: reads')`,
        ]
      : []),
    'SET mysql-show_processlist_extended = 1',
  ];
}
