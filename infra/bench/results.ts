import { z } from 'zod';

/** What a benchmark prints with `--json`, as far as table and comparison read it. */
export const measuredSchema = z.looseObject({
  name: z.string(),
  value: z.number(),
  unit: z.string(),
  floor: z.number(),
  ratio: z.number(),
  ratios: z.record(z.string(), z.number()).optional(),
  better: z.enum(['lower', 'higher']),
  toReach: z.string().nullable(),
  reached: z.boolean().nullable(),
  slowest: z.string(),
  toHalve: z.string(),
  /** What stood behind the proxies' interface, where there were any. */
  proxysql: z.string().optional(),
  machine: z.object({ cpus: z.number(), model: z.string(), memoryGb: z.number(), loadBefore: z.number() }),
});
export type Measured = z.infer<typeof measuredSchema>;

/** Results of earlier runs: a line of JSON each, and whatever else was printed between them. */
export function readResults(text: string): Measured[] {
  const lines = text.split('\n').filter((line) => line.startsWith('{'));
  return lines.map((line) => measuredSchema.parse(JSON.parse(line)));
}
