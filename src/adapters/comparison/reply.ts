import { z } from 'zod';
import type { ReadView } from '../../ports/place.ts';
import { ComparisonReplyError } from '../../verification/errors.ts';

/** A value that is never NULL, as text. */
export const cell = z
  .union([z.string(), z.number(), z.bigint(), z.instanceof(Buffer)])
  .transform((value) => (Buffer.isBuffer(value) ? value.toString('utf8') : String(value)));

/** A count. */
export const count = cell.transform(Number).pipe(z.number().int().nonnegative());

/** Runs a statement in a view and parses each row. */
export async function readRows<T>(view: ReadView, row: z.ZodType<T>, sql: string): Promise<T[]> {
  const rows = await view.query(sql);
  const parsed = z.array(row).safeParse(rows);
  if (!parsed.success) throw new ComparisonReplyError(sql, parsed.error);
  return parsed.data;
}
