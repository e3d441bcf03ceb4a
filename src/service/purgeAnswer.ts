import { z } from 'zod';
import { type Actor, purgeStatusSchema } from './status.ts';

/** What a purge would delete, and what stands against it. */
export const purgePlanSchema = z.object({
  refusals: z.array(z.string()).describe('Empty: it may be purged'),
  purgeAfterMs: z.number().int().describe('By the configuration or the move’s own policy, whichever is longer'),
  rows: z.number().int().describe('That would be deleted at the first site'),
  chunks: z.number().int().describe('Of that many rows as the configuration allows; there may be more, smaller ones'),
  sites: z.array(
    z.object({ site: z.string(), tables: z.array(z.object({ table: z.string(), rows: z.number().int() })) }),
  ),
});
export type PurgePlan = z.infer<typeof purgePlanSchema>;

export const purgeAnswerSchema = z.object({
  id: z.string(),
  orgId: z.number().int(),
  plan: purgePlanSchema.nullable().describe('Of a dry run only'),
  purge: purgeStatusSchema.nullable().describe('The purge as it is now; null where none has been ordered'),
});
export type PurgeAnswer = z.infer<typeof purgeAnswerSchema>;

export const purgeChanges = ['pause', 'resume', 'cancel'] as const;
export type PurgeChange = (typeof purgeChanges)[number];

/** The removal of completed orgs' rows at the source. Throws the errors of `src/errors/`. */
export interface PurgeService {
  /** Throws `PurgeUnknownError` where none was ordered. */
  purge(id: string): Promise<PurgeAnswer>;
  /** What would be deleted; changes nothing. */
  plan(id: string): Promise<PurgeAnswer>;
  /** Ordering what runs or is done already changes nothing. Throws `PurgeRefusedError`, `SecondPersonError`. */
  order(id: string, reason: string, actor: Actor): Promise<PurgeAnswer>;
  change(id: string, change: PurgeChange, reason: string | undefined, actor: Actor): Promise<PurgeAnswer>;
}
