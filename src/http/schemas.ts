import { z } from 'zod';
import { policyRequestSchema } from '../config/policy.ts';
import { homeRegion, name } from '../config/values.ts';
import { auditEntrySchema } from '../service/operations.ts';
import { lagPointSchema, migrationStatusSchema, timelineEventSchema } from '../service/status.ts';

/** A whole number in a query string, where everything is text. `shown` is for /openapi.json only. */
export function queryInteger(minimum: number, maximum: number, shown: { default?: number } = {}) {
  return z
    .string()
    .regex(/^\d{1,16}$/, 'must be a whole number')
    .meta({ type: 'integer', pattern: undefined, minimum, maximum, ...shown })
    .transform(Number)
    .pipe(z.number().int().min(minimum).max(maximum));
}

/** The largest OrgID that an unsigned INT column takes. */
export const orgIdMaximum = 4_294_967_295;

const forTheRecord = z.string().trim().min(1).max(1_000).describe('Why, for the record');

const waveId = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$/, 'is not the id of a wave');

export const idParams = z.strictObject({
  id: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$/, 'is not the id of a migration'),
});

export const waveParams = z.strictObject({ id: waveId });

export const orgParams = z.strictObject({ orgId: queryInteger(1, orgIdMaximum) });
export const preflightBody = z.strictObject({ orgId: z.int().min(1).max(orgIdMaximum) });

export const createBody = z.strictObject({
  orgId: z.int().min(1).max(orgIdMaximum),
  policy: policyRequestSchema.optional().describe('Only what is to be stricter than the configuration’s policy'),
});

/** The body of a command may be left out. */
export const commandBody = z.strictObject({ reason: forTheRecord.optional() }).nullish();

/** A rollback that accepts a loss says why. */
export const rollbackBody = z
  .strictObject({
    reason: forTheRecord.optional(),
    acceptLoss: z.boolean().optional().describe('Let go of what does not travel back; an approver’s, with a reason'),
  })
  .refine((body) => body.acceptLoss !== true || body.reason !== undefined, {
    path: ['reason'],
    message: 'is needed where a loss is accepted',
  })
  .nullish();

export const proxyParams = z.strictObject({ name: name.describe('As in the configuration') });

/** The body of a command that concerns more than one migration: nobody does that without a reason. */
export const reasonBody = z.strictObject({ reason: forTheRecord });

/** Nobody deletes rows for good without a reason. */
export const purgeBody = z.strictObject({
  reason: forTheRecord,
  dryRun: z.boolean().default(false).describe('Only tell what would be deleted, and what stands against it'),
});

export const auditQuery = z.strictObject({
  after: queryInteger(0, Number.MAX_SAFE_INTEGER, { default: 0 }).default(0).describe('Commands after this number'),
  limit: queryInteger(1, 1_000, { default: 200 }).default(200),
});

export const auditPage = z.object({
  items: z.array(auditEntrySchema),
  nextAfter: z.number().int().describe('Give it as `after` for what comes next'),
});

export const listQuery = z.strictObject({
  state: z
    .string()
    .regex(/^[A-Za-z]{1,40}(\.[A-Za-z]{1,40}){0,2}$/, 'is not a state')
    .optional(),
  homeRegion: homeRegion.optional(),
  orgId: queryInteger(1, orgIdMaximum).optional(),
  wave: waveId.optional().describe('Id of the wave that they were made for'),
  limit: queryInteger(1, 500, { default: 50 }).default(50),
  cursor: z.string().min(1).max(512).optional(),
});

export const eventsQuery = z.strictObject({
  after: queryInteger(0, Number.MAX_SAFE_INTEGER, { default: 0 })
    .default(0)
    .describe('Events after this sequence number'),
  limit: queryInteger(1, 1_000, { default: 200 }).default(200),
});

export const mismatchesQuery = z.strictObject({
  values: z
    .enum(['true', 'false'])
    .meta({ type: 'boolean', enum: undefined, default: false })
    .default('false')
    .transform((text) => text === 'true')
    .describe('Read the rows anew and show what differs; an approver’s, and audited'),
  limit: queryInteger(1, 100, { default: 20 }).default(20),
});

export const migrationPage = z.object({
  items: z.array(migrationStatusSchema),
  nextCursor: z.string().nullable().describe('Give it as `cursor` for the next page; null on the last'),
});

export const eventPage = z.object({
  items: z.array(timelineEventSchema),
  nextAfter: z.number().int().describe('Give it as `after` for what comes next'),
});

export const lagHistory = z.object({ points: z.array(lagPointSchema) });

export const health = z.object({ status: z.literal('ok'), version: z.string() });
export const readiness = z.object({ status: z.literal('ready') });

/** RFC 9457, with a stable code and what to do about it. */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  detail: z.string(),
  code: z.string(),
  remedy: z.string(),
  requestId: z.string().describe('Also in the log and in the header x-request-id'),
  allowed: z.array(z.string()).optional().describe('What may be done instead'),
  details: z.record(z.string(), z.unknown()),
});
export type Problem = z.output<typeof problemSchema>;
