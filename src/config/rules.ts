import { isIP } from 'node:net';
import { z } from 'zod';
import { leaseDefaultMs, longestHoldMs } from './longestHold.ts';
import { policyDefaults } from './policy.ts';
import { connectTimeoutDefaultMs } from './routing.ts';
import { isLoopback } from './values.ts';

/** Path of a value in the document. */
export type Path = readonly (string | number)[];
export type Report = (path: Path, cause: string, remedy: string) => void;

/**
 * A rule over several values. It reads the raw document through a schema of only what it needs, so that it runs, and
 * reports, also where other parts of the document are wrong; where its own part is, the main schema has said so.
 */
type Rule = (document: unknown, report: Report) => void;

function rule<T>(needs: z.ZodType<T>, check: (value: T, report: Report) => void): Rule {
  return (document, report) => {
    const found = needs.safeParse(document);
    if (found.success) check(found.data, report);
  };
}

function unique(list: string, of: (item: Record<string, unknown>) => unknown, key: string, what: string): Rule {
  return rule(z.object({ [list]: z.array(z.record(z.string(), z.unknown())) }), (value, report) => {
    const seen = new Map<unknown, number>();
    for (const [index, item] of (value[list] ?? []).entries()) {
      const found = of(item);
      if (found === undefined) continue;
      const first = seen.get(found);
      if (first === undefined) seen.set(found, index);
      else report([list, index, key], `${what} is the same as that of ${list}[${first}]`, 'Give each its own.');
    }
  });
}

const named = z.array(z.object({ name: z.string() }));
const regional = z.array(z.object({ homeRegion: z.string() }));
const anything = z.record(z.string(), z.unknown());

const places = rule(z.object({ sites: named, clusters: named }), ({ sites, clusters }, report) => {
  const siteNames = new Set(sites.map((site) => site.name));
  for (const [index, cluster] of clusters.entries()) {
    if (siteNames.has(cluster.name)) {
      report(['clusters', index, 'name'], `${cluster.name} is the name of a site as well`, 'Give each place its own.');
    }
  }
});

/** A map by home region and the clusters name the same regions. */
function everyRegion(section: 'dms' | 'routing', map: 'regions' | 'clusters'): Rule {
  const needs = z.object({ clusters: regional, [section]: z.object({ [map]: anything }) });
  return rule(needs as unknown as z.ZodType<{ clusters: { homeRegion: string }[] }>, (value, report) => {
    const found = (value as unknown as Record<string, Record<string, Record<string, unknown>>>)[section]?.[map] ?? {};
    const served = new Set(value.clusters.map((cluster) => cluster.homeRegion));
    for (const region of served) {
      if (!(region in found)) {
        report([section, map], `has no entry for the home region ${region} of a cluster`, `Add ${region} to it.`);
      }
    }
    for (const region of Object.keys(found)) {
      if (!served.has(region)) {
        report([section, map, region], 'no cluster has this home region', 'Correct the region, or add its cluster.');
      }
    }
  });
}

const arns = z.object({ sourceEndpointArn: z.string(), targetEndpointArn: z.string() });

/** What a region of DMS is made of is all in one region of AWS. */
const dmsRegions = rule(
  z.object({
    dms: z.object({
      regions: z.record(
        z.string(),
        z.object({ region: z.string(), replicationInstanceArn: z.string(), forward: arns, reverse: arns }),
      ),
    }),
  }),
  ({ dms }, report) => {
    for (const [home, { region, replicationInstanceArn, forward, reverse }] of Object.entries(dms.regions)) {
      const path = ['dms', 'regions', home];
      const all: [string[], string][] = [
        [['replicationInstanceArn'], replicationInstanceArn],
        ...Object.entries({ forward, reverse }).flatMap(([direction, endpoints]) =>
          Object.entries(endpoints).map(([key, arn]): [string[], string] => [[direction, key], arn]),
        ),
      ];
      for (const [key, arn] of all) {
        const found = arn.split(':')[3];
        if (found === region) continue;
        report([...path, ...key], `is in the region ${found}, and not in ${region}`, 'Correct the ARN, or the region.');
      }
    }
  },
);

const timing = rule(
  z.object({
    controller: z.object({ leaseMs: z.number().default(leaseDefaultMs) }),
    policy: z
      .object({
        flipBudgetMs: z.number().default(policyDefaults.flipBudgetMs),
        flipBackoffMs: z.number().default(policyDefaults.flipBackoffMs),
        flipBackoffMaxMs: z.number().default(policyDefaults.flipBackoffMaxMs),
      })
      .prefault({}),
    routing: z.object({ connectTimeoutMs: z.number().default(connectTimeoutDefaultMs) }),
  }),
  ({ controller, policy, routing }, report) => {
    const longestMs = longestHoldMs(policy.flipBudgetMs, controller.leaseMs);
    if (longestMs >= routing.connectTimeoutMs) {
      report(
        ['policy', 'flipBudgetMs'],
        `${policy.flipBudgetMs} ms with the lease of ${controller.leaseMs} ms and the second that a take-over needs is not below routing.connectTimeoutMs (${routing.connectTimeoutMs} ms), after which the proxies fail the queries they hold`,
        'Lower one of them, or raise mysql-connect_timeout_server_max on every proxy and connectTimeoutMs here.',
      );
    }
    if (policy.flipBackoffMs > policy.flipBackoffMaxMs) {
      report(['policy', 'flipBackoffMs'], 'is more than flipBackoffMaxMs', 'Lower it, or raise flipBackoffMaxMs.');
    }
  },
);

const numbers = z.object({ from: z.number(), to: z.number() });
const groups = z.object({ writerHostgroup: z.number(), readerHostgroup: z.number().optional() });

const ruleIds = rule(
  z.object({ routing: z.object({ ruleIds: numbers, sentinelRuleId: z.number() }) }),
  ({ routing }, report) => {
    if (routing.sentinelRuleId <= routing.ruleIds.to) {
      report(
        ['routing', 'sentinelRuleId'],
        `${routing.sentinelRuleId} is not above the orgs’ rules, which go up to ${routing.ruleIds.to}`,
        'Give it a number above every rule on the proxies: the last rule decides whether fast routing is used.',
      );
    }
  },
);

const hostgroups = rule(
  z.object({
    routing: z.object({ holdHostgroups: numbers, source: groups, clusters: z.record(z.string(), groups) }),
  }),
  ({ routing }, report) => {
    const owners = new Map<number, string>();
    for (const [owner, path, group] of [
      ['source', ['routing', 'source'], routing.source] as const,
      ...Object.entries(routing.clusters).map(
        ([region, each]) => [region, ['routing', 'clusters', region], each] as const,
      ),
    ]) {
      for (const key of ['writerHostgroup', 'readerHostgroup'] as const) {
        const number = group[key];
        if (number === undefined) continue;
        if (number >= routing.holdHostgroups.from && number <= routing.holdHostgroups.to) {
          report([...path, key], `${number} lies in holdHostgroups`, 'Keep that range free of all others.');
        }
        const other = owners.get(number);
        if (other !== undefined && other !== owner) {
          report(
            [...path, key],
            `${number} is a hostgroup of ${other} as well`,
            'Each side has hostgroups of its own.',
          );
        }
        owners.set(number, owner);
      }
    }
  },
);

const users = z.array(z.string());
const purging = z.array(z.object({ purge: z.object({ user: z.string() }) }));

/** One account may write both ways, each at its own places; one that the fence lets pass may not be one that it stops. */
const fenceUsers = rule(
  z.object({ fence: z.object({ users: z.object({ forward: users, reverse: users, exempt: users }) }) }),
  ({ fence }, report) => {
    for (const kind of ['forward', 'reverse'] as const) {
      for (const [index, user] of fence.users[kind].entries()) {
        if (!fence.users.exempt.includes(user)) continue;
        report(
          ['fence', 'users', kind, index],
          `${user} stands under exempt as well, so a closed fence would not stop its task`,
          'Give tasks a user of their own.',
        );
      }
    }
  },
);

const purgeUsers = rule(
  z.object({ sites: purging, clusters: purging, fence: z.object({ users: z.object({ exempt: users }) }) }),
  ({ sites, clusters, fence }, report) => {
    for (const [list, all] of Object.entries({ sites, clusters })) {
      for (const [index, place] of all.entries()) {
        if (fence.users.exempt.includes(place.purge.user)) continue;
        report(
          [list, index, 'purge', 'user'],
          `${place.purge.user} is not in fence.users.exempt, so a closed fence would refuse it`,
          'Add it there.',
        );
      }
    }
  },
);

const tableName = z.object({ schema: z.string(), table: z.string() });
const catalogue = rule(
  z.object({ catalogue: z.object({ tables: z.array(tableName), techTables: z.array(tableName).default([]) }) }),
  ({ catalogue: { tables, techTables } }, report) => {
    const seen = new Map<string, string>();
    for (const [list, all] of Object.entries({ tables, techTables })) {
      for (const [index, each] of all.entries()) {
        const full = `${each.schema}.${each.table}`;
        const other = seen.get(full);
        if (other !== undefined) {
          report(['catalogue', list, index], `${full} stands at ${other} already`, 'List each table once.');
        }
        seen.set(full, `${list}[${index}]`);
      }
    }
  },
);

/** What one region writes to is no other's: no endpoint and no server can stand for two. */
const ownTargets = rule(
  z.object({
    clusters: z.array(z.object({ host: z.string(), port: z.number() })),
    dms: z.object({
      regions: z.record(
        z.string(),
        z.object({
          forward: z.object({ targetEndpointArn: z.string() }),
          reverse: z.object({ sourceEndpointArn: z.string() }),
        }),
      ),
    }),
  }),
  ({ clusters, dms }, report) => {
    const servers = new Map<string, number>();
    for (const [index, { host, port }] of clusters.entries()) {
      const server = `${host.toLowerCase()}:${port}`;
      const other = servers.get(server);
      if (other === undefined) servers.set(server, index);
      else report(['clusters', index, 'host'], `${server} is that of clusters[${other}]`, 'Each region has its own.');
    }
    const endpoints = new Map<string, string>();
    for (const [region, { forward, reverse }] of Object.entries(dms.regions)) {
      for (const [task, key, endpoint] of [
        ['forward', 'targetEndpointArn', forward.targetEndpointArn],
        ['reverse', 'sourceEndpointArn', reverse.sourceEndpointArn],
      ] as const) {
        const other = endpoints.get(endpoint);
        if (other === undefined || other === region) endpoints.set(endpoint, region);
        else
          report(['dms', 'regions', region, task, key], `leads to the cluster of ${other}`, 'Each region has its own.');
      }
    }
  },
);

const sourceLoad = rule(
  z.object({
    sourceLoad: z.object({
      busyThreads: z.number().default(64),
      calmThreads: z.number().default(48),
      lagMs: z.number().default(10_000),
      calmLagMs: z.number().default(3_000),
      freeDiskBytes: z.number().nullable().default(null),
      calmFreeDiskBytes: z.number().nullable().default(null),
    }),
  }),
  ({ sourceLoad: load }, report) => {
    const calmer = (calm: 'calmThreads' | 'calmLagMs', limit: 'busyThreads' | 'lagMs') => {
      if (load[calm] <= load[limit]) return;
      report(['sourceLoad', calm], `is more than ${limit}, which is ${load[limit]}`, `Lower it, or raise ${limit}.`);
    };
    calmer('calmThreads', 'busyThreads');
    calmer('calmLagMs', 'lagMs');
    const { freeDiskBytes, calmFreeDiskBytes } = load;
    if (calmFreeDiskBytes === null || (freeDiskBytes !== null && calmFreeDiskBytes >= freeDiskBytes)) return;
    report(
      ['sourceLoad', 'calmFreeDiskBytes'],
      freeDiskBytes === null
        ? 'is given without freeDiskBytes'
        : `is less than freeDiskBytes, which is ${freeDiskBytes}`,
      'Give freeDiskBytes, and a calm figure that is not below it.',
    );
  },
);

const reached = z.object({ host: z.string(), tls: z.unknown().optional() });
const namesChecked = z.object({ verifyHostname: z.literal(true).default(true) });

/** What leaves this machine is encrypted, or somebody has said that it need not be. */
function encrypted(key: 'store' | 'coredb' | 'sites' | 'clusters' | 'proxies'): Rule {
  return rule(z.object({ [key]: z.union([reached, z.array(reached)]) }), ({ [key]: found }, report) => {
    const list = Array.isArray(found);
    for (const [index, { host, tls }] of (list ? found : found === undefined ? [] : [found]).entries()) {
      const path = list ? [key, index] : [key];
      if (tls === undefined && !isLoopback(host)) {
        report(
          [...path, 'tls'],
          `is missing, and ${host} is another machine: what goes there could be read and changed on its way`,
          'Write `tls: {}`, with a caFile for an authority of your own; `tls: false` only where the way itself is safe.',
        );
      }
      // The driver compares a certificate with names alone: for an address it would take one for `localhost`.
      if (isIP(host) !== 0 && namesChecked.safeParse(tls).success) {
        report(
          [...path, 'host'],
          `${host} is an address, and the certificate is to be checked for the name of the host`,
          'Give the name that stands in the certificate; `tls: { verifyHostname: false }` takes any name.',
        );
      }
    }
  });
}

/** The API, too, where others than this machine can ask it. */
const ownServer = rule(
  z.object({ controller: z.object({ http: z.object({ host: z.string(), tls: z.unknown().optional() }) }) }),
  ({ controller: { http } }, report) => {
    if (http.tls !== undefined || isLoopback(http.host)) return;
    report(
      ['controller', 'http', 'tls'],
      `is missing, and ${http.host} is open to other machines: tokens could be read on their way`,
      'Write `tls: { certFile: …, keyFile: … }`; `tls: false` where a load balancer in front of it encrypts.',
    );
  },
);

const lower = (value: unknown) => (typeof value === 'string' ? value.toLowerCase() : undefined);

/** Everything that one value alone cannot show. */
export const rules: readonly Rule[] = [
  unique('tokens', (token) => token.name, 'name', 'the name'),
  unique('tokens', (token) => lower(token.sha256), 'sha256', 'the token'),
  unique('sites', (site) => site.name, 'name', 'the name'),
  unique('sites', (site) => site.serverId, 'serverId', 'the server id'),
  unique('clusters', (cluster) => cluster.name, 'name', 'the name'),
  unique('clusters', (cluster) => cluster.homeRegion, 'homeRegion', 'the home region'),
  unique('proxies', (proxy) => proxy.name, 'name', 'the name'),
  unique('proxies', (proxy) => `${proxy.host}:${proxy.adminPort}`, 'adminPort', 'the admin address'),
  unique('webhooks', (hook) => hook.name, 'name', 'the name'),
  places,
  everyRegion('dms', 'regions'),
  everyRegion('routing', 'clusters'),
  dmsRegions,
  timing,
  ruleIds,
  hostgroups,
  fenceUsers,
  purgeUsers,
  ownTargets,
  sourceLoad,
  catalogue,
  encrypted('store'),
  encrypted('coredb'),
  encrypted('sites'),
  encrypted('clusters'),
  encrypted('proxies'),
  ownServer,
];
