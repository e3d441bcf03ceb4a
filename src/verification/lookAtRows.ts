import { planTable } from '../adapters/comparison/plan.ts';
import { makePair } from '../adapters/comparison/sqlChunkSide.ts';
import type { OrgTable } from '../ports/place.ts';
import { bothSettled } from './bothSettled.ts';
import type { ChunkSide, Key } from './chunks.ts';
import type { ComparedSide } from './compareOrg.ts';
import { Stop, ViewPool } from './viewPool.ts';

/** One row, by its key as each side writes it; null where the side had no such row when it was found. */
export interface RowRef {
  readonly table: string;
  /** The same on both sides. */
  readonly name: string;
  readonly source: Key | null;
  readonly target: Key | null;
}

/** A row's columns as digests, in the views that it was looked at in; null where the side has no such row. */
export interface RowLook {
  readonly source: Readonly<Record<string, string>> | null;
  readonly target: Readonly<Record<string, string>> | null;
}

export interface LookAtRowsOptions {
  readonly source: ComparedSide;
  readonly target: ComparedSide;
  readonly tables: readonly OrgTable[];
  readonly orgId: number;
  readonly rows: readonly RowRef[];
  readonly signal?: AbortSignal | undefined;
}

const ROWS_AT_ONCE = 100;

/** Looks at single rows on both sides; answers in their order. */
export async function lookAtRows(options: LookAtRowsOptions): Promise<RowLook[]> {
  const { orgId, rows, signal } = options;
  const stop = new Stop(signal);
  const views = { source: new ViewPool(options.source.views, stop), target: new ViewPool(options.target.views, stop) };
  const looks = new Map<RowRef, RowLook>();
  for (const [table, ofTable] of Map.groupBy(rows, (row) => row.table)) {
    const known = options.tables.find((each) => each.table === table);
    if (known === undefined) continue;
    const plan = planTable(known, options.source.shapes, options.target.shapes);
    const pair = makePair(plan, views, orgId, () => 0);
    for (let from = 0; from < ofTable.length; from += ROWS_AT_ONCE) {
      const some = ofTable.slice(from, from + ROWS_AT_ONCE);
      const [source, target] = await bothSettled(look(pair.source, some, 'source'), look(pair.target, some, 'target'));
      for (const row of some) {
        looks.set(row, { source: source.get(row.name) ?? null, target: target.get(row.name) ?? null });
      }
    }
  }
  return rows.map((row) => looks.get(row) ?? { source: null, target: null });
}

/** Columns in which the two differ; none where a side has no such row. */
export function differingColumns({ source, target }: RowLook): string[] {
  if (source === null || target === null) return [];
  return Object.keys(source).filter((column) => source[column] !== target[column]);
}

/** A side that had no such row is asked with the key as the other side writes it. */
async function look(side: ChunkSide, rows: readonly RowRef[], which: 'source' | 'target') {
  const other = which === 'source' ? 'target' : 'source';
  const keys = rows.map((row) => row[which] ?? row[other]).filter((key) => key !== null);
  return keys.length === 0 ? new Map<string, Record<string, string>>() : side.columns(keys);
}
