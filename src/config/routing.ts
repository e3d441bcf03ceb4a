import { z } from 'zod';
import { homeRegion, hostgroup, milliseconds } from './values.ts';

/** `mysql-connect_timeout_server_max` of a ProxySQL that nobody has tuned: how long it parks a query. */
export const connectTimeoutDefaultMs = 10_000;

const orgTemplate = z
  .string()
  .max(200)
  .refine((text) => text.split('{orgId}').length === 2, 'must contain {orgId} exactly once');

/** After a digit or nothing, org 4's comment would be found in org 42's. */
const commentTemplate = orgTemplate
  .refine((text) => /\{orgId\}[^0-9]/.test(text), 'must go on after {orgId} with something that is no digit')
  .refine((text) => /^\/\*.*\*\/$/.test(text), 'must be a comment: /* … */');

const range = z
  .strictObject({ from: z.int().min(1).max(2_147_483_647), to: z.int().min(1).max(2_147_483_647) })
  .refine((value) => value.from < value.to, 'from must be less than to');

const hostgroups = z.strictObject({ writerHostgroup: hostgroup, readerHostgroup: hostgroup.exactOptional() });

/** How the proxies tell orgs apart, and which numbers on them are the controller's own. */
export const routingSchema = z.strictObject({
  by: z.enum(['user', 'schema', 'comment']),
  user: orgTemplate.default('org_{orgId}'),
  schema: orgTemplate.default('BigDB_{orgId}'),
  comment: commentTemplate.default('/* OrgID={orgId} */'),
  ruleIds: range,
  holdHostgroups: range,
  sentinelRuleId: z.int().min(1).max(2_147_483_647),
  source: hostgroups,
  clusters: z.record(homeRegion, hostgroups),
  /**
   * Beside the moves, so often: completed orgs share their routes with others, and what each proxy has is compared with
   * the journals. `repair` also puts it right.
   */
  upkeep: z
    .strictObject({
      everyMs: milliseconds(200, 86_400_000).default(60_000),
      share: z.boolean().default(true),
      drift: z.enum(['report', 'repair']).default('report'),
    })
    .prefault({}),
  connectTimeoutMs: milliseconds(1_000, 3_600_000).default(connectTimeoutDefaultMs),
});
