import { bothSettled } from './bothSettled.ts';
import type { ChunkSum, Key, KeyRange, TablePair } from './chunks.ts';
import { sameSum } from './chunks.ts';
import type { TableFindings } from './findings.ts';

/** Rows so few that they are compared one by one. */
const LEAF_ROWS = 200;
const PARTS = 16;

/** A chunk that differs, with the sums of both sides. */
export interface DifferingChunk {
  readonly range: KeyRange;
  readonly source: ChunkSum;
  readonly target: ChunkSum;
}

/**
 * Finds the rows that differ in a chunk, on sides that order keys alike: cuts it into parts, sums up each on both
 * sides, and goes on with those that differ until they are a few rows.
 */
export async function locate(pair: TablePair, chunk: DifferingChunk, findings: TableFindings): Promise<void> {
  const open: DifferingChunk[] = [chunk];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { range, source, target } = next;
    if (!findings.locating) {
      findings.notLocated(source.rows, target.rows);
    } else if (Math.max(source.rows, target.rows) <= LEAF_ROWS) {
      const [sourceRows, targetRows] = await bothSettled(pair.source.rows(range), pair.target.rows(range));
      await findings.compareRows(sourceRows, targetRows);
    } else {
      const parts = await differingParts(pair, next);
      // Last first on the stack, so that rows are found in the order of their keys.
      open.push(...parts.reverse());
    }
  }
}

async function differingParts(pair: TablePair, chunk: DifferingChunk): Promise<DifferingChunk[]> {
  // The side with more rows gives the cuts: the other may have none to give.
  const larger = chunk.source.rows >= chunk.target.rows ? pair.source : pair.target;
  const rows = Math.ceil(Math.max(chunk.source.rows, chunk.target.rows) / PARTS);
  const differing: DifferingChunk[] = [];
  let after: Key | null = chunk.range.after;
  for (;;) {
    const cut: Key | null = await larger.boundary({ after, upTo: chunk.range.upTo }, rows);
    const range: KeyRange = { after, upTo: cut ?? chunk.range.upTo };
    const [source, target] = await bothSettled(pair.source.sum(range), pair.target.sum(range));
    if (!sameSum(source, target)) differing.push({ range, source, target });
    if (cut === null) return differing;
    after = cut;
  }
}
