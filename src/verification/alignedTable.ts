import { locate } from './bisect.ts';
import { bothSettled } from './bothSettled.ts';
import type { ChunkSize } from './chunkSize.ts';
import { type ChunkSum, type Key, type KeyRange, sameSum, type TablePair } from './chunks.ts';
import type { TableFindings } from './findings.ts';
import { inOrder } from './inOrder.ts';

/** How a table is walked. */
export interface Walk {
  readonly size: ChunkSize;
  /** Chunks begun at a time. */
  readonly depth: number;
  /** Asked before each chunk; resolves when it may begin. */
  readonly pace: () => Promise<void>;
  /** Told whenever rows were counted. */
  readonly progress: () => void;
  /** Told after each chunk in key order, with the key up to which everything has been compared. */
  readonly comparedUpTo: (key: Key) => Promise<void>;
}

interface ComparedChunk {
  readonly range: KeyRange;
  readonly source: ChunkSum;
  readonly target: ChunkSum;
}

/**
 * Compares a table whose keys both sides order alike: the same key ranges are summed up on both sides at once. The
 * ranges cover the whole key space, so rows that only the target has fall into one of them too.
 */
export async function compareAligned(
  pair: TablePair,
  findings: TableFindings,
  walk: Walk,
  startAfter: Key | null,
): Promise<void> {
  let after = startAfter;
  let atEnd = false;

  const next = async () => {
    if (atEnd) return null;
    await walk.pace();
    const rows = walk.size.rows;
    const open: KeyRange = { after, upTo: null };
    // Near the source's end the target may still have more than a chunk of rows that should not be there.
    const upTo = (await pair.source.boundary(open, rows)) ?? (await pair.target.boundary(open, rows));
    const range: KeyRange = { after, upTo };
    after = upTo;
    atEnd = upTo === null;
    return () => compareChunk(pair, range, rows, walk.size);
  };

  await inOrder<ComparedChunk>(walk.depth, next, async ({ range, source, target }) => {
    findings.counted(source.rows, target.rows);
    if (!sameSum(source, target)) await locate(pair, { range, source, target }, findings);
    walk.progress();
    if (range.upTo !== null) await walk.comparedUpTo(range.upTo);
  });
}

async function compareChunk(
  pair: TablePair,
  range: KeyRange,
  rowsAskedFor: number,
  size: ChunkSize,
): Promise<ComparedChunk> {
  const [source, target] = await bothSettled(pair.source.sum(range), pair.target.sum(range));
  if (range.upTo !== null) size.learn(rowsAskedFor, Math.max(source.elapsedMs, target.elapsedMs));
  return { range, source, target };
}
