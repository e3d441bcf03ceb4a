/**
 * What the comparison knows of a database: chunks. How a chunk's rows are counted, summed up and told apart in SQL is
 * the business of the adapter that implements {@link ChunkSide}.
 */

/** Key of one row as its own side writes it: one text per key column. Only that side may order by it. */
export type Key = readonly string[];

/** Rows with `after` < key <= `upTo` in the side's own order; null is open. */
export interface KeyRange {
  readonly after: Key | null;
  readonly upTo: Key | null;
}

/** Rows and their sum. Sums of disjoint chunks combine by XOR, whatever the order of the rows. */
export interface ChunkSum {
  readonly rows: number;
  readonly checksum: bigint;
}

/** One row, named alike on both sides, with a digest of all that is compared. */
export interface RowDigest {
  readonly name: string;
  readonly key: Key;
  readonly digest: string;
}

/** One row with every column's value, nothing rounded: text and numbers as text, bytes in base64. */
export type RowImage = Readonly<Record<string, string | { readonly base64: string } | null>>;

/** The beginning of one value, for people: bytes in hex behind `0x`, all else as text. `bytes` is the length of the whole value as its side stores it. */
export interface ValueExcerpt {
  readonly value: string;
  readonly bytes: number;
  /** The value goes on. */
  readonly cut: boolean;
}

/** One row's values by column, each no longer than was asked for; null is NULL. */
export type RowExcerpt = Readonly<Record<string, ValueExcerpt | null>>;

/** Picks rows by a hash of their name: those whose hash modulo `of` is in `only`. */
export interface BucketFilter {
  readonly of: number;
  readonly only: readonly number[];
}

/** One org's rows of one table on one side. */
export interface ChunkSide {
  /** Key of the `rows`-th row of the range in this side's order; null when the range has fewer. */
  boundary(range: KeyRange, rows: number): Promise<Key | null>;
  sum(range: KeyRange): Promise<ChunkSum & { readonly elapsedMs: number }>;
  /** Sums by bucket (a power of two of them); a bucket without rows is absent. */
  sumBuckets(
    range: KeyRange,
    buckets: number,
  ): Promise<{ readonly sums: ReadonlyMap<number, ChunkSum>; readonly elapsedMs: number }>;
  rows(range: KeyRange, buckets?: BucketFilter): Promise<readonly RowDigest[]>;
  /** Digest of each compared column of the rows with these keys, by row name; rows that are gone are absent. */
  columns(keys: readonly Key[]): Promise<ReadonlyMap<string, Readonly<Record<string, string>>>>;
  /** The rows with these keys whole, by row name; rows that are gone are absent. */
  images(keys: readonly Key[]): Promise<ReadonlyMap<string, RowImage>>;
  /** The same, of each value no more than its first characters or bytes; the rest never leaves the database. */
  excerpts(keys: readonly Key[], most: number): Promise<ReadonlyMap<string, RowExcerpt>>;
}

/** One table on both sides, made comparable. */
export interface TablePair {
  readonly table: string;
  readonly source: ChunkSide;
  readonly target: ChunkSide;
  /** Both sides order keys alike, so a key of one side cuts the other side's rows at the same place. */
  readonly orderedAlike: boolean;
  /** The table can hold large values: begin with small chunks. */
  readonly heavy: boolean;
  /** Key columns with their values, from a row's name. */
  describeKey(name: string): Readonly<Record<string, string>>;
}

export const WHOLE_TABLE: KeyRange = { after: null, upTo: null };

/** Sum of two disjoint chunks. */
export function combine(a: ChunkSum | undefined, b: ChunkSum): ChunkSum {
  return a === undefined ? b : { rows: a.rows + b.rows, checksum: a.checksum ^ b.checksum };
}

/** True when the two sides' sums say that their rows are equal. An absent sum is one without rows. */
export function sameSum(a: ChunkSum | undefined, b: ChunkSum | undefined): boolean {
  return (a?.rows ?? 0) === (b?.rows ?? 0) && (a?.checksum ?? 0n) === (b?.checksum ?? 0n);
}
