import { z } from 'zod';
import { confirmableCodes } from '../catalogue/catalogue.ts';
import { jwtSchema, roles } from './identity.ts';
import { leaseDefaultMs } from './longestHold.ts';
import { policySchema } from './policy.ts';
import { routingSchema } from './routing.ts';
import {
  databaseKeys,
  homeRegion,
  host,
  identifier,
  milliseconds,
  name,
  port,
  publicUrl,
  type References,
  secret,
  serverTls,
  tls,
  userName,
} from './values.ts';
import { wavesSchema } from './waves.ts';
import { webhooksSchema } from './webhooks.ts';

const arn = (kind: 'rep' | 'endpoint') =>
  z.string().regex(new RegExp(`^arn:[^:]+:dms:[^:]+:[^:]*:${kind}:.+$`), `must be a DMS ARN (arn:aws:dms:…:${kind}:…)`);
const endpoints = z.strictObject({ sourceEndpointArn: arn('endpoint'), targetEndpointArn: arn('endpoint') });
const table = { schema: identifier, table: identifier };

/** The whole configuration; secrets are read through `references` while it is checked. */
export function configSchema(references: References) {
  const database = databaseKeys(references);
  const purge = z.strictObject({ user: userName, password: secret(references) });
  const query = z
    .string()
    .regex(/^\s*(SELECT|WITH|SHOW)\b/i, 'must be a query')
    .max(2_000);
  const operation = {
    /** Where it stands when the place was last backed up. */
    backup: z
      .union([z.strictObject({ query }), z.strictObject({ file: z.string().regex(/^\//, 'must be an absolute path') })])
      .exactOptional(),
    /** Bytes free on the data's disk, and bytes in all. */
    disk: z.strictObject({ query }).exactOptional(),
  };

  return z.strictObject({
    controller: z.strictObject({
      name,
      /** Port 0 takes any free one; the log says which. */
      http: z
        .strictObject({
          host: host.default('127.0.0.1'),
          port: z.int().min(0).max(65_535).default(8080),
          /** Requests of one token in a window; each controller counts for itself. */
          rateLimit: z
            .strictObject({ requests: z.int().min(1).max(10_000_000), windowMs: milliseconds(100, 3_600_000) })
            .default({ requests: 10_000, windowMs: 5_000 }),
          tls: serverTls(references).exactOptional(),
          /** Load balancers whose word is taken for where a request came from; a header of anybody else is not. */
          trustProxy: z
            .array(z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()], 'must be an address or a network'))
            .default([]),
        })
        .prefault({}),
      /** How long a controller may be silent before others take over; the same in all that share a store. */
      leaseMs: milliseconds(500, 60_000).default(leaseDefaultMs),
      /** Takes the variable of the environment that ends the controller at a point. For tests; never in production. */
      failpoints: z.boolean().default(false),
      logLevel: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
    }),
    tokens: z
      .array(
        z.strictObject({
          name,
          role: z.enum(roles),
          sha256: z
            .string()
            .regex(/^[0-9a-fA-F]{64}$/, 'must be the SHA-256 of the token: 64 hexadecimal digits')
            .toLowerCase(),
        }),
      )
      .min(1),
    jwt: jwtSchema(references).exactOptional(),
    store: z.strictObject({ ...database, database: identifier }),
    coredb: z.strictObject({
      ...database,
      schema: identifier.default('CoreDB'),
      table: identifier.default('Organisation'),
      orgColumn: identifier.default('OrgID'),
      homeRegionColumn: identifier.default('HomeRegion'),
    }),
    sites: z
      .array(z.strictObject({ name, ...database, serverId: z.int().min(1).max(4_294_967_295), purge, ...operation }))
      .min(1),
    clusters: z.array(z.strictObject({ name, homeRegion, ...database, purge, ...operation })).min(1),
    dms: z.strictObject({
      regions: z.record(
        homeRegion,
        z.strictObject({
          region: z.string().min(1),
          endpoint: publicUrl({ protocol: /^https?$/ }).exactOptional(),
          replicationInstanceArn: arn('rep'),
          forward: endpoints,
          reverse: endpoints,
        }),
      ),
      pollIntervalMs: milliseconds(50, 600_000).default(5_000),
      /** How long a task has to be absent from Describe before it counts as gone: Describe is eventually consistent. */
      settleMs: milliseconds(50, 600_000).default(2_000),
      /** Calls that may be made at once, and per second after that; AWS refills 4 to 8 a second. */
      apiRate: z
        .strictObject({ burst: z.int().min(1).max(10_000), perSecond: z.number().min(0.1).max(10_000) })
        .default({ burst: 50, perSecond: 4 }),
      taskPrefix: z
        .string()
        .regex(/^[a-z](-?[a-z0-9]){0,30}$/, 'must start with a letter; lower-case letters, digits, single hyphens')
        .default('bigdb'),
      /** Left out: the AWS SDK's own chain (role of the machine, environment, profile). */
      credentials: z
        .strictObject({ accessKeyId: secret(references), secretAccessKey: secret(references) })
        .exactOptional(),
    }),
    proxies: z
      .array(
        z.strictObject({
          name,
          host,
          adminPort: port,
          /** Port of its traffic; else what it told itself when it last answered. */
          port: port.exactOptional(),
          /** Addresses that the databases see it come from; else its host's own. */
          addresses: z.array(host).min(1).exactOptional(),
          adminUser: userName,
          adminPassword: secret(references),
          tls: tls(references).exactOptional(),
        }),
      )
      .min(1),
    routing: routingSchema,
    catalogue: z.strictObject({
      /** Counted up with every change. */
      version: z.int().min(1).default(1),
      tables: z.array(z.strictObject({ ...table, orgColumn: identifier })).min(1),
      techTables: z.array(z.strictObject(table)).default([]),
      /** What preflight cannot know and somebody vouches for. */
      confirmed: z
        .array(
          z.strictObject({
            code: z.enum(confirmableCodes),
            of: z.string().min(1).max(300),
            because: z.string().min(1).max(1_000),
          }),
        )
        .default([]),
      /** Statements over orgs, and what becomes of them before the first org moves. */
      declared: z
        .array(
          z.strictObject({
            user: userName,
            statement: z.string().min(1).max(2_048),
            remedy: z.string().min(1).max(1_000),
          }),
        )
        .default([]),
    }),
    fence: z.strictObject({
      users: z.strictObject({
        forward: z.array(userName).min(1),
        reverse: z.array(userName).min(1),
        exempt: z.array(userName).min(1),
      }),
    }),
    /** So many orgs does a controller hold at once on their way to a cluster; the others wait before their hold. */
    flips: z.strictObject({ atOnce: z.int().min(1).max(1_000).default(1_000) }).prefault({}),
    /** When many orgs of one cluster or replication instance trip together, so many go back at once; the others wait. */
    rollback: z.strictObject({ atOnce: z.int().min(1).max(1_000).default(5) }).prefault({}),
    /** Where rows are written that stay behind when an approver accepts their loss; has to be there when it is needed. */
    exports: z.strictObject({ directory: z.string().min(1).default('/var/lib/bigdb-cutover/exports') }).prefault({}),
    /**
     * So that comparisons of live sides are not felt: orgs at once, chunks at once of each, and when a place is busy.
     * `cutoverViews`: read views of each side that hold a cutover point; 0 leaves that of the way there without its proof.
     */
    verification: z
      .strictObject({
        atOnce: z.int().min(1).max(16).default(2),
        viewsPerSide: z.int().min(1).max(8).default(2),
        busyThreads: z.int().min(2).max(10_000).default(64),
        cutoverViews: z.int().min(0).max(8).default(2),
      })
      .prefault({}),
    /**
     * When the sites bear no new work: starts, full loads, comparisons and purges wait. Each measure goes on at its calm
     * figure only, so that a site at the limit is not begun at and stopped in turn.
     */
    sourceLoad: z
      .strictObject({
        busyThreads: z.int().min(2).max(100_000).default(64),
        calmThreads: z.int().min(1).max(100_000).default(48),
        lagMs: milliseconds(100, 3_600_000).default(10_000),
        calmLagMs: milliseconds(1, 3_600_000).default(3_000),
        /** Asked only where it is given, and known only where the server has the plugin DISKS. */
        freeDiskBytes: z.int().min(1).max(Number.MAX_SAFE_INTEGER).nullable().default(null),
        calmFreeDiskBytes: z.int().min(1).max(Number.MAX_SAFE_INTEGER).nullable().default(null),
      })
      .prefault({}),
    /**
     * How gently a completed org's rows are removed at the source: purges at once over all controllers, rows of a chunk at
     * most, and the rest after a chunk as a multiple of what it took.
     */
    purge: z
      .strictObject({
        atOnce: z.int().min(1).max(16).default(1),
        chunkRows: z.int().min(1).max(5_000).default(500),
        restFactor: z.number().min(0).max(100).default(1),
      })
      .prefault({}),
    /** What /metrics shows is asked for beside the work, so often; no statements of orgs with `queriesEveryMs: 0`. */
    metrics: z
      .strictObject({
        everyMs: milliseconds(500, 3_600_000).default(15_000),
        queriesEveryMs: milliseconds(0, 3_600_000).default(60_000),
        storageEveryMs: milliseconds(1_000, 86_400_000).default(600_000),
      })
      .prefault({}),
    /** What may be under way at once, for all waves together. */
    waves: wavesSchema.prefault({}),
    webhooks: webhooksSchema(references),
    policy: policySchema.prefault({}),
  });
}

/** The checked configuration, secrets resolved: never to be logged. */
export type Config = z.output<ReturnType<typeof configSchema>>;
