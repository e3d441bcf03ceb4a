import { planTable } from '../adapters/comparison/plan.ts';
import { RowCopy } from '../adapters/comparison/rowCopy.ts';
import { makePair } from '../adapters/comparison/sqlChunkSide.ts';
import type { OrgTable, ReadView, RowTransaction, TableShape } from '../ports/place.ts';
import type { Key, RowImage } from './chunks.ts';
import type { RowRef } from './lookAtRows.ts';
import { Stop, ViewPool } from './viewPool.ts';

/** Rows of one table to be copied from the side that leads to the one that follows. */
export interface CopyRowsOptions {
  readonly table: OrgTable;
  readonly orgId: number;
  readonly leads: 'source' | 'target';
  readonly shapes: { readonly source: readonly TableShape[]; readonly target: readonly TableShape[] };
  readonly rows: readonly RowRef[];
  /** Runs the work on a view of the leading side as it is at that moment. */
  readonly atLeading: <T>(work: (view: ReadView) => Promise<T>) => Promise<T>;
  /** At the following side; committed by the caller when this resolves, rolled back when it throws. */
  readonly transaction: RowTransaction;
}

/** The leading side's rows changed while they were copied, or were not what was written. */
export class RowsMovedError extends Error {}

/**
 * Makes the rows of the following side what they are on the leading one. The rows are locked first, and the leading
 * side is read again last: what changes there later is carried by the task, and waits behind the locks; what changed
 * before throws `RowsMovedError`. So a copy never goes over something newer.
 */
export async function copyRows(options: CopyRowsOptions): Promise<number> {
  const { table, orgId, leads, shapes, rows, atLeading, transaction } = options;
  const follows = leads === 'source' ? 'target' : 'source';
  const plan = planTable(table, shapes.source, shapes.target);
  const shape = shapes[follows].find((each) => each.table === table.table);
  const keys = keysOf(rows, follows, leads);
  if (shape === undefined || keys.length === 0) return 0;
  const copy = new RowCopy(plan[follows], shape, table, orgId);
  const sides = (view: ReadView, which: 'source' | 'target') => {
    const pool = new ViewPool([view], new Stop());
    return makePair(plan, { source: pool, target: pool }, orgId, () => 0)[which];
  };
  const leadingKeys = keysOf(rows, leads, follows);
  await transaction.query(copy.lock(keys));
  const [images, before] = await atLeading(async (view) => {
    const side = sides(view, leads);
    return [await side.images(leadingKeys), await side.columns(leadingKeys)] as const;
  });
  await transaction.run(copy.remove(keys));
  const present: RowImage[] = rows.map(({ name }) => images.get(name)).filter((image) => image !== undefined);
  if (present.length > 0) await transaction.run(copy.insert(present));

  const written = await sides(transaction, follows).columns(keys);
  const now = await atLeading((view) => sides(view, leads).columns(leadingKeys));
  for (const { name } of rows) {
    const [was, is, copied] = [before, now, written].map((looks) => textOf(looks.get(name)));
    if (was !== is) throw new RowsMovedError('a row changed while it was copied');
    if (copied !== is) throw new RowsMovedError('a row is not what was written');
  }
  return rows.length;
}

function keysOf(rows: readonly RowRef[], which: 'source' | 'target', other: 'source' | 'target'): Key[] {
  return rows.map((row) => row[which] ?? row[other]).filter((key) => key !== null);
}

function textOf(columns: Readonly<Record<string, string>> | undefined): string {
  return columns === undefined
    ? 'absent'
    : JSON.stringify(Object.entries(columns).sort(([a], [b]) => (a < b ? -1 : 1)));
}
