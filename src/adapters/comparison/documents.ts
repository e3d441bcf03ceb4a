import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { ReadView } from '../../ports/place.ts';
import type { BucketFilter, Key, KeyRange } from '../../verification/chunks.ts';
import { canonicalJson } from './json.ts';
import { cell, count, readRows } from './reply.ts';
import type { Statements } from './statements.ts';

/** JSON held in memory at once, of one side and chunk. */
const BYTES_AT_ONCE = 8 * 1024 * 1024;

/** Digest of a row's JSON columns. */
export interface DocumentDigest {
  readonly name: string;
  readonly bucket: number;
  readonly digest: Buffer;
}

/** What to read of a range, as its sum said before. */
export interface DocumentRange {
  readonly range: KeyRange;
  readonly rows: number;
  readonly jsonBytes: number;
  readonly buckets: number;
  readonly filter?: BucketFilter | undefined;
  readonly hint: string;
}

const row = z.object({ name: cell, bucket: count }).catchall(cell.nullable());

/** Reads the JSON columns of a range a few megabytes at a time, and tells the digest of each row that has any. */
export async function readDocuments(
  view: ReadView,
  statements: Statements,
  columns: number,
  { range, rows, jsonBytes, buckets, filter, hint }: DocumentRange,
  boundary: (range: KeyRange, rows: number) => Promise<Key | null>,
  digested: (document: DocumentDigest) => void,
): Promise<void> {
  const rowsAtOnce = Math.max(1, Math.ceil(rows / Math.ceil(jsonBytes / BYTES_AT_ONCE)));
  let after = range.after;
  for (;;) {
    const cut: Key | null = rowsAtOnce >= rows ? null : await boundary({ after, upTo: range.upTo }, rowsAtOnce);
    const part: KeyRange = { after, upTo: cut ?? range.upTo };
    for (const documents of await readRows(view, row, statements.documents(part, buckets, filter, hint))) {
      const hash = createHash('sha256').update(documents.name);
      for (let i = 0; i < columns; i += 1) {
        const text = documents[`j${i}`];
        hash.update(typeof text === 'string' ? `\n${canonicalJson(text)}` : '\nNULL');
      }
      digested({ name: documents.name, bucket: documents.bucket, digest: hash.digest() });
    }
    if (cut === null) return;
    after = cut;
  }
}
