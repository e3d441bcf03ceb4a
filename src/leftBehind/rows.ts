import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Difference, TablePair } from '../verification/index.ts';

/**
 * Why a row stays behind: `clusterOnly` was inserted at the cluster, `different` was changed there, `siteOnly` was
 * deleted there.
 */
export const rowKinds = ['clusterOnly', 'different', 'siteOnly'] as const;
export type RowKind = (typeof rowKinds)[number];

export const kindOf: Readonly<Record<Difference['kind'], RowKind>> = {
  extra: 'clusterOnly',
  different: 'different',
  missing: 'siteOnly',
};

const image = z.record(z.string(), z.union([z.string(), z.strictObject({ base64: z.string() })]).nullable());

/** One line of the file: the row whole, as it is on each side; null where the side has none. */
export const rowLineSchema = z.strictObject({
  table: z.string(),
  kind: z.enum(rowKinds),
  key: z.record(z.string(), z.string()),
  cluster: image.nullable(),
  site: image.nullable(),
});
export type RowLine = z.infer<typeof rowLineSchema>;

export type RowName = Pick<RowLine, 'table' | 'kind' | 'key'>;

export function nameOf({ table, describeKey }: TablePair, { kind, name }: Difference): RowName {
  return { table, kind: kindOf[kind], key: { ...describeKey(name) } };
}

/** Which rows there are, whatever their order and number: counts, and one sum over all names. */
export class RowTally {
  readonly kinds: Record<RowKind, number> = { clusterOnly: 0, different: 0, siteOnly: 0 };
  readonly tables: Record<string, number> = {};
  #sum = 0n;

  get rows(): number {
    return rowKinds.reduce((sum, kind) => sum + this.kinds[kind], 0);
  }

  add({ table, kind, key }: RowName): void {
    this.kinds[kind] += 1;
    this.tables[table] = (this.tables[table] ?? 0) + 1;
    const digest = createHash('sha256')
      .update(JSON.stringify([table, kind, key]))
      .digest('hex');
    this.#sum += BigInt(`0x${digest}`);
  }

  /** True where both have the same rows. */
  equals(other: RowTally): boolean {
    return this.rows === other.rows && this.#sum === other.#sum;
  }
}
