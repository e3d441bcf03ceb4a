import { planTable } from '../adapters/comparison/plan.ts';
import { makePair } from '../adapters/comparison/sqlChunkSide.ts';
import { bothSettled } from './bothSettled.ts';
import type { ChunkSide, RowExcerpt, TablePair } from './chunks.ts';
import { differingColumns, type LookAtRowsOptions, type RowLook, type RowRef } from './lookAtRows.ts';
import { Stop, ViewPool } from './viewPool.ts';

/** One row as it is on both sides now. */
export interface RowValues {
  /** `equal`: it differed and does not any more; `gone`: neither side has it any more. */
  readonly kind: 'missing' | 'extra' | 'different' | 'equal' | 'gone';
  readonly table: string;
  readonly key: Readonly<Record<string, string>>;
  /** Columns that differ now. */
  readonly columns: readonly string[];
  /** Values: of a row that differs the columns that do, of one that a side lacks all; null where a side has no such row. */
  readonly source: RowExcerpt | null;
  readonly target: RowExcerpt | null;
}

export interface RowValuesOptions extends LookAtRowsOptions {
  /** Characters or bytes that are shown of one value. */
  readonly mostPerValue: number;
  /** Bytes of values in all, about; rows beyond are left out. */
  readonly mostBytes: number;
}

const ROWS_AT_ONCE = 5;

/** Reads rows with their values, a few at a time, until the bounds are reached; answers in their order. */
export async function readRowValues(options: RowValuesOptions): Promise<RowValues[]> {
  const { orgId, rows, signal } = options;
  const stop = new Stop(signal);
  const views = { source: new ViewPool(options.source.views, stop), target: new ViewPool(options.target.views, stop) };
  const read: RowValues[] = [];
  let bytes = 0;
  for (let from = 0; from < rows.length && bytes < options.mostBytes; ) {
    // Rows of one table that follow each other are read in one statement.
    const table = rows[from]?.table;
    const some = rows.slice(from, from + ROWS_AT_ONCE);
    const upTo = some.findIndex((row) => row.table !== table);
    const ofTable = upTo === -1 ? some : some.slice(0, upTo);
    from += ofTable.length;
    const known = options.tables.find((each) => each.table === table);
    if (known === undefined) continue;
    const pair = makePair(planTable(known, options.source.shapes, options.target.shapes), views, orgId, () => 0);
    for (const row of await readSome(pair, ofTable, options.mostPerValue)) {
      if (bytes >= options.mostBytes) return read;
      read.push(row);
      bytes += bytesOf(row.source) + bytesOf(row.target);
    }
  }
  return read;
}

async function readSome(pair: TablePair, rows: readonly RowRef[], mostPerValue: number): Promise<RowValues[]> {
  const [source, target] = await bothSettled(
    readSide(pair.source, rows, 'source', mostPerValue),
    readSide(pair.target, rows, 'target', mostPerValue),
  );
  return rows.map(({ name }) => {
    const [mine, other] = [source, target].map(({ digests, excerpts }) => {
      const columns = digests.get(name);
      return columns === undefined ? null : { columns, excerpt: excerpts.get(name) ?? {} };
    });
    const look: RowLook = { source: mine?.columns ?? null, target: other?.columns ?? null };
    const columns = differingColumns(look);
    const kind = kindOf(look, columns);
    const shown = (side: typeof mine) =>
      side == null ? null : kind === 'different' ? only(side.excerpt, columns) : side.excerpt;
    const both = kind === 'equal' || kind === 'gone';
    return {
      kind,
      table: pair.table,
      key: pair.describeKey(name),
      columns,
      source: both ? null : shown(mine),
      target: both ? null : shown(other),
    };
  });
}

function kindOf({ source, target }: RowLook, columns: readonly string[]): RowValues['kind'] {
  if (source === null) return target === null ? 'gone' : 'extra';
  if (target === null) return 'missing';
  return columns.length === 0 ? 'equal' : 'different';
}

/** A side that had no such row is asked with the key as the other side writes it. */
async function readSide(side: ChunkSide, rows: readonly RowRef[], which: 'source' | 'target', mostPerValue: number) {
  const other = which === 'source' ? 'target' : 'source';
  const keys = rows.map((row) => row[which] ?? row[other]).filter((key) => key !== null);
  return { digests: await side.columns(keys), excerpts: await side.excerpts(keys, mostPerValue) };
}

/** Column names are the same in any case, on both sides. */
function only(excerpt: RowExcerpt, columns: readonly string[]): RowExcerpt {
  const wanted = new Set(columns.map((column) => column.toLowerCase()));
  return Object.fromEntries(Object.entries(excerpt).filter(([column]) => wanted.has(column.toLowerCase())));
}

function bytesOf(excerpt: RowExcerpt | null): number {
  return Object.values(excerpt ?? {}).reduce((sum, value) => sum + Buffer.byteLength(value?.value ?? ''), 0);
}
