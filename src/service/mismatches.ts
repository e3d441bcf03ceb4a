import { z } from 'zod';
import type { Estate } from '../estate/estate.ts';
import type { MigrationRow } from '../ports/store.ts';
import { readVerification } from '../proof/record.ts';
import { valuesNow } from '../proof/values.ts';
import { mismatchSchema, type RowValues } from '../verification/index.ts';

const excerptSchema = z.object({
  value: z.string().describe('Bytes in hex behind 0x'),
  bytes: z.number().int().describe('Length of the whole value as its side stores it'),
  cut: z.boolean().describe('The value goes on'),
});
const sideSchema = z
  .record(z.string(), excerptSchema.nullable())
  .nullable()
  .describe('By column; null where the side has no such row. Of a row that differs the columns that do');

/** Rows that the last comparison found different. */
export const mismatchesSchema = z.object({
  id: z.string(),
  orgId: z.number().int(),
  comparedAt: z.iso.datetime().nullable().describe('null where the sides have not been compared'),
  mismatches: z.number().int().describe('All that were found; the sample is a part of them'),
  sample: z.array(mismatchSchema).describe('As they were found. Keys of text or bytes are shown as a digest'),
  values: z
    .array(
      z.object({
        kind: z
          .enum(['missing', 'extra', 'different', 'equal', 'gone'])
          .describe('Now: `equal` and `gone` do not differ any more'),
        table: z.string(),
        key: z.record(z.string(), z.string()),
        columns: z.array(z.string()).describe('That differ now'),
        source: sideSchema,
        target: sideSchema,
        otherSite: z.string().optional().describe('The site that is meant by the target, where two sites differ'),
      }),
    )
    .nullable()
    .describe('Read anew from both sides for this answer; null unless asked for'),
});
export type Mismatches = z.infer<typeof mismatchesSchema>;

/** Reading values takes no longer (milliseconds). */
const withinMs = 20_000;

/** What the last comparison found, and on demand the values of some of it: read anew, kept nowhere. */
export async function mismatchesOf(
  estate: Estate,
  row: MigrationRow,
  { values, limit }: { values: boolean; limit: number },
): Promise<Mismatches> {
  const last = await readVerification(estate.store, row.id);
  const rows = values
    ? await valuesNow(
        estate,
        row.journal.context,
        (last?.sampleRows ?? []).slice(0, limit),
        AbortSignal.timeout(withinMs),
      )
    : null;
  return {
    id: row.id,
    orgId: row.orgId,
    comparedAt: last?.at ?? null,
    mismatches: last?.mismatches ?? 0,
    sample: z.array(mismatchSchema).parse((last?.sample ?? []).slice(0, limit)),
    values: rows?.map(plain) ?? null,
  };
}

type Shown = NonNullable<Mismatches['values']>[number];

function plain({ key, columns, source, target, ...row }: RowValues & { otherSite?: string }): Shown {
  return { ...row, key: { ...key }, columns: [...columns], source: mutable(source), target: mutable(target) };
}

const mutable = (side: RowValues['source']) => (side === null ? null : { ...side });
