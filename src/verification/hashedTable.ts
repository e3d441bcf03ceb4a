import type { Walk } from './alignedTable.ts';
import { bothSettled } from './bothSettled.ts';
import { ChunkSize } from './chunkSize.ts';
import {
  type BucketFilter,
  type ChunkSide,
  type ChunkSum,
  combine,
  type Key,
  type KeyRange,
  type RowDigest,
  sameSum,
  type TablePair,
} from './chunks.ts';
import type { TableFindings } from './findings.ts';
import { inOrder } from './inOrder.ts';

const BUCKETS = 1_024;
/** Rows held in memory at once, of one side, while buckets are compared row by row. */
const ROWS_AT_ONCE = 50_000;

interface SideWalk {
  readonly pages: KeyRange[];
  readonly sums: Map<number, ChunkSum>;
}

/**
 * Compares a table whose keys the two sides order differently (text under collations): each side is walked in its own
 * order, page by page, and its rows are summed up in buckets by a hash of the key's bytes. Equal buckets hold equal
 * rows whatever the order; the others are compared row by row.
 */
export async function compareHashed(pair: TablePair, findings: TableFindings, walk: Walk): Promise<void> {
  const [source, target] = await bothSettled(
    walkSide(pair.source, pair.heavy, walk, (rows) => findings.counted(rows, 0)),
    walkSide(pair.target, pair.heavy, walk, (rows) => findings.counted(0, rows)),
  );
  const differing = Array.from({ length: BUCKETS }, (_, bucket) => bucket).filter(
    (bucket) => !sameSum(source.sums.get(bucket), target.sums.get(bucket)),
  );
  for (const batch of batches(differing, source, target)) {
    if (findings.locating) {
      const filter = { of: BUCKETS, only: batch };
      const [sourceRows, targetRows] = await bothSettled(
        rowsOf(pair.source, source.pages, filter),
        rowsOf(pair.target, target.pages, filter),
      );
      await findings.compareRows(sourceRows, targetRows);
    } else {
      for (const bucket of batch) {
        findings.notLocated(source.sums.get(bucket)?.rows ?? 0, target.sums.get(bucket)?.rows ?? 0);
      }
    }
  }
}

async function walkSide(
  side: ChunkSide,
  heavy: boolean,
  walk: Walk,
  counted: (rows: number) => void,
): Promise<SideWalk> {
  const size = new ChunkSize(heavy);
  const pages: KeyRange[] = [];
  const sums = new Map<number, ChunkSum>();
  let after: Key | null = null;
  let atEnd = false;

  const next = async () => {
    if (atEnd) return null;
    await walk.pace();
    const rows = size.rows;
    const upTo: Key | null = await side.boundary({ after, upTo: null }, rows);
    const page: KeyRange = { after, upTo };
    pages.push(page);
    after = upTo;
    atEnd = upTo === null;
    return async () => {
      const { sums: pageSums, elapsedMs } = await side.sumBuckets(page, BUCKETS);
      if (upTo !== null) size.learn(rows, elapsedMs);
      return pageSums;
    };
  };

  await inOrder(walk.depth, next, async (page) => {
    let rows = 0;
    for (const [bucket, sum] of page) {
      sums.set(bucket, combine(sums.get(bucket), sum));
      rows += sum.rows;
    }
    counted(rows);
    walk.progress();
  });
  return { pages, sums };
}

async function rowsOf(side: ChunkSide, pages: readonly KeyRange[], filter: BucketFilter): Promise<RowDigest[]> {
  const rows: RowDigest[] = [];
  for (const page of pages) for (const row of await side.rows(page, filter)) rows.push(row);
  return rows;
}

/** Differing buckets, together as many as fit into memory; at least one at a time. */
function* batches(buckets: readonly number[], source: SideWalk, target: SideWalk): Generator<number[]> {
  let batch: number[] = [];
  let rows = 0;
  for (const bucket of buckets) {
    const more = Math.max(source.sums.get(bucket)?.rows ?? 0, target.sums.get(bucket)?.rows ?? 0);
    if (batch.length > 0 && rows + more > ROWS_AT_ONCE) {
      yield batch;
      batch = [];
      rows = 0;
    }
    batch.push(bucket);
    rows += more;
  }
  if (batch.length > 0) yield batch;
}
