import { z } from 'zod';
import { limitsSchema } from '../waves/settings.ts';

/** What holds for all waves together. A wave may have limits of its own beside these, never instead. */
export const wavesSchema = z.strictObject({
  limits: z
    .strictObject({
      source: limitsSchema.shape.source.default(10),
      /** An instance takes 200 tasks, and an org needs two. */
      instance: limitsSchema.shape.instance.default(90),
      cluster: limitsSchema.shape.cluster.default(10),
      flips: limitsSchema.shape.flips.default(1),
    })
    .prefault({}),
  /** Rows that the full load of one org carries in a second: for dry runs and times to go. */
  rowsPerSecond: z.number().min(1).max(10_000_000).default(2_000),
});
export type WavesConfig = z.output<typeof wavesSchema>;
