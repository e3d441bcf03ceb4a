import { z } from 'zod';
import type { ReadView } from '../../ports/place.ts';
import type { KeyRange } from '../../verification/chunks.ts';
import type { SidePlan } from './plan.ts';
import { cell, count, readRows } from './reply.ts';
import { identifier } from './sqlText.ts';

const indexRow = z.object({ Key_name: cell, Seq_in_index: count, Column_name: cell.nullable(), Index_type: cell });
const explainRow = z.object({ rows: count.nullable() });

/** The primary key's own order costs this many times the org's rows before the org's index is the cheaper way. */
const DENSE = 1.5;

/**
 * Which index a range is read by. Left alone, the servers may read all of the org's rows for each chunk, by an index
 * that does not order them by the primary key: they know no range on it, and take the others' estimates for worse.
 */
export class Scan {
  readonly #plan: SidePlan;
  #orgIndex: Promise<string | null> | null = null;

  constructor(plan: SidePlan) {
    this.#plan = plan;
  }

  /** Index hint for reading the range's rows; `statement` is the same reading with a hint put in. */
  async hint(view: ReadView, range: KeyRange, statement: (hint: string) => string): Promise<string> {
    if (this.#plan.keyBeginsWithOrg) return PRIMARY;
    const index = await this.#indexOf(view);
    if (index === null) return '';
    if (range.after === null && range.upTo === null) return index;
    const [byKey, byOrg] = [await rowsRead(view, statement(PRIMARY)), await rowsRead(view, statement(index))];
    return byKey !== null && byOrg !== null && byKey <= DENSE * byOrg ? PRIMARY : index;
  }

  /** Index hint for walking keys in their order without reading rows. */
  async keysHint(view: ReadView): Promise<string> {
    if (this.#plan.keyBeginsWithOrg) return PRIMARY;
    return (await this.#indexOf(view)) ?? '';
  }

  /** An index that has the org's rows in the order of the primary key; a failure is not kept. */
  #indexOf(view: ReadView): Promise<string | null> {
    this.#orgIndex ??= readOrgIndex(view, this.#plan).catch((error: unknown) => {
      this.#orgIndex = null;
      throw error;
    });
    return this.#orgIndex;
  }
}

const PRIMARY = ' FORCE INDEX (PRIMARY)';

/** Rows that the server thinks it reads. */
async function rowsRead(view: ReadView, statement: string): Promise<number | null> {
  const [row] = await readRows(view, explainRow, `EXPLAIN FORMAT=TRADITIONAL ${statement}`);
  return row?.rows ?? null;
}

async function readOrgIndex(view: ReadView, plan: SidePlan): Promise<string | null> {
  const rows = await readRows(view, indexRow, `SHOW INDEX FROM ${plan.table}`);
  const indexes = Map.groupBy(rows, (row) => row.Key_name);
  for (const [name, parts] of indexes) {
    const columns = parts
      .filter((part) => part.Index_type.toUpperCase() === 'BTREE')
      .sort((one, other) => one.Seq_in_index - other.Seq_in_index)
      .map((part) => identifier(part.Column_name ?? '').toLowerCase());
    const [first, ...others] = columns;
    // What an index does not name of the primary key, InnoDB adds to it.
    const ordered = others.every((column, i) => column === plan.key[i]?.column.toLowerCase());
    if (name !== 'PRIMARY' && first === plan.orgColumn.toLowerCase() && ordered) {
      return ` FORCE INDEX (${identifier(name)})`;
    }
  }
  return null;
}
