import { z } from 'zod';
import { roles } from '../../config/identity.ts';
import type { WaveDocument } from '../../ports/waves.ts';
import { reasonSchema } from '../../service/status.ts';
import { settingsFields } from '../../waves/settings.ts';

const actor = z.object({ name: z.string(), role: z.enum(roles), from: z.string() });
const seen = z.object({
  wentBack: z.boolean(),
  stuck: z.boolean(),
  attempts: z.number(),
  aborts: z.number(),
  longestPauseMs: z.number(),
});

/** Text of a column, as what its schema says; text that is no JSON is a fault like any other. */
export function jsonOf<T extends z.ZodType>(schema: T) {
  return z
    .string()
    .transform((text, context): unknown => {
      try {
        return JSON.parse(text);
      } catch (error) {
        context.addIssue({ code: 'custom', message: `is no JSON: ${String(error)}` });
        return z.NEVER;
      }
    })
    .pipe(schema);
}

/** What is kept of a wave, as the store has it; what a newer version keeps beside it stays there. */
export const waveDocument = z.looseObject({
  settings: z.looseObject(settingsFields),
  approval: z.enum(['manual', 'auto']),
  approvedBy: z.enum(['another', 'anyone']),
  creator: actor,
  starter: actor.nullable(),
  approver: actor.nullable(),
  ender: actor.nullable(),
  reason: reasonSchema.nullable(),
  seen: z.record(z.string(), seen),
  history: z.array(z.object({ atMs: z.number(), message: z.string() })),
}) satisfies z.ZodType<WaveDocument>;
