import { z } from 'zod';
import type { ReadView } from '../../ports/place.ts';
import type {
  BucketFilter,
  ChunkSide,
  ChunkSum,
  Key,
  KeyRange,
  RowDigest,
  RowExcerpt,
  RowImage,
  TablePair,
} from '../../verification/chunks.ts';
import type { ViewPool } from '../../verification/viewPool.ts';
import { readDocuments } from './documents.ts';
import { jsonDigest } from './json.ts';
import type { SidePlan, TablePlan } from './plan.ts';
import { cell, count, readRows } from './reply.ts';
import { Scan } from './scan.ts';
import { Statements } from './statements.ts';

const sumRow = z.object({ bucket: count, row_count: count, checksum: cell.transform(BigInt), json_bytes: count });
const anyRow = z.record(z.string(), cell.nullable());
const imageRow = z.record(z.string(), z.union([z.string(), z.instanceof(Buffer)]).nullable());
const digestRow = z.object({ name: cell, digest: cell }).catchall(cell);

/** A table's two sides, read through views. */
export function makePair(
  plan: TablePlan,
  views: { readonly source: ViewPool; readonly target: ViewPool },
  orgId: number,
  monotonicMs: () => number,
): TablePair {
  const describers = plan.source.key.map(({ describe }) => describe);
  return {
    table: plan.table,
    source: new SqlChunkSide(plan.source, views.source, orgId, monotonicMs),
    target: new SqlChunkSide(plan.target, views.target, orgId, monotonicMs),
    orderedAlike: plan.orderedAlike,
    heavy: plan.heavy,
    describeKey: (name) => {
      const values = name.split('|');
      return Object.fromEntries(plan.keyColumns.map((column, i) => [column, describers[i]?.(values[i] ?? '') ?? '']));
    },
  };
}

class SqlChunkSide implements ChunkSide {
  readonly #plan: SidePlan;
  readonly #views: ViewPool;
  readonly #statements: Statements;
  readonly #scan: Scan;
  readonly #monotonicMs: () => number;

  constructor(plan: SidePlan, views: ViewPool, orgId: number, monotonicMs: () => number) {
    this.#plan = plan;
    this.#views = views;
    this.#statements = new Statements(plan, orgId);
    this.#scan = new Scan(plan);
    this.#monotonicMs = monotonicMs;
  }

  boundary(range: KeyRange, rows: number): Promise<Key | null> {
    return this.#views.use((view) => this.#boundary(view, range, rows));
  }

  async sum(range: KeyRange): Promise<ChunkSum & { elapsedMs: number }> {
    const { sums, elapsedMs } = await this.sumBuckets(range, 1);
    return { ...(sums.get(0) ?? { rows: 0, checksum: 0n }), elapsedMs };
  }

  sumBuckets(range: KeyRange, buckets: number): Promise<{ sums: Map<number, ChunkSum>; elapsedMs: number }> {
    return this.#views.use(async (view) => {
      const startedMs = this.#monotonicMs();
      const rows = await this.#sums(view, range, buckets);
      const checksums = new Map(rows.map((row) => [row.bucket, row.checksum]));
      const total = totalOf(rows);
      await this.#documents(view, { range, ...total, buckets }, ({ bucket, digest }) => {
        checksums.set(bucket, (checksums.get(bucket) ?? 0n) ^ digest.readBigUInt64BE());
      });
      const sums = new Map(
        rows.map((row) => [row.bucket, { rows: row.row_count, checksum: checksums.get(row.bucket) ?? 0n }]),
      );
      return { sums, elapsedMs: this.#monotonicMs() - startedMs };
    });
  }

  rows(range: KeyRange, filter?: BucketFilter): Promise<readonly RowDigest[]> {
    return this.#views.use(async (view) => {
      const documents = new Map<string, string>();
      if (this.#plan.json.length > 0) {
        const total = totalOf(await this.#sums(view, range, 1));
        await this.#documents(view, { range, ...total, buckets: 1, filter }, ({ name, digest }) => {
          documents.set(name, digest.toString('hex'));
        });
      }
      const hint = await this.#hint(view, range);
      const rows = await readRows(view, digestRow, this.#statements.rows(range, filter, hint));
      return rows.map((row) => ({
        name: row.name,
        key: this.#plan.key.map((_, i) => row[`k${i}`] ?? ''),
        digest: `${row.digest}${documents.get(row.name) ?? ''}`,
      }));
    });
  }

  columns(keys: readonly Key[]): Promise<ReadonlyMap<string, Readonly<Record<string, string>>>> {
    return this.#views.use(async (view) => {
      const rows = await readRows(view, anyRow, this.#statements.columns(keys));
      return new Map(rows.map((row) => [row.name ?? '', this.#digests(row)]));
    });
  }

  images(keys: readonly Key[]): Promise<ReadonlyMap<string, RowImage>> {
    return this.#views.use(async (view) => {
      const rows = await readRows(view, imageRow, this.#statements.images(keys));
      return new Map(rows.map(({ name, ...values }) => [String(name), this.#image(values)]));
    });
  }

  excerpts(keys: readonly Key[], most: number): Promise<ReadonlyMap<string, RowExcerpt>> {
    return this.#views.use(async (view) => {
      const rows = await readRows(view, anyRow, this.#statements.excerpts(keys, most));
      return new Map(rows.map((row) => [row.name ?? '', this.#excerpt(row)]));
    });
  }

  #excerpt(row: Readonly<Record<string, string | null>>): RowExcerpt {
    return Object.fromEntries(
      this.#plan.image.map(({ column }, i) => {
        const value = row[`v${i}`] ?? null;
        const bytes = Number(row[`b${i}`] ?? value?.length);
        return [column, value === null ? null : { value, bytes, cut: row[`c${i}`] === '1' }];
      }),
    );
  }

  #image(values: z.infer<typeof imageRow>): RowImage {
    return Object.fromEntries(
      this.#plan.image.map(({ column }, i) => {
        const value = values[`v${i}`] ?? null;
        return [column, Buffer.isBuffer(value) ? { base64: value.toString('base64') } : value];
      }),
    );
  }

  #digests(row: Readonly<Record<string, string | null>>): Record<string, string> {
    const digests: Record<string, string> = {};
    for (const [i, { column }] of this.#plan.values.entries()) digests[column] = row[`c${i}`] ?? '';
    for (const [i, { column }] of this.#plan.json.entries()) {
      const text = row[`j${i}`];
      if (typeof text === 'string') digests[column] = jsonDigest(text);
    }
    return digests;
  }

  #hint(view: ReadView, range: KeyRange): Promise<string> {
    return this.#scan.hint(view, range, (hint) => this.#statements.sum(range, 1, hint));
  }

  async #sums(view: ReadView, range: KeyRange, buckets: number): Promise<z.output<typeof sumRow>[]> {
    return readRows(view, sumRow, this.#statements.sum(range, buckets, await this.#hint(view, range)));
  }

  async #boundary(view: ReadView, range: KeyRange, rows: number): Promise<Key | null> {
    const statement = this.#statements.boundary(range, rows, await this.#scan.keysHint(view));
    const [row] = await readRows(view, z.record(z.string(), cell), statement);
    return row === undefined ? null : this.#plan.key.map((_, i) => row[`k${i}`] ?? '');
  }

  async #documents(
    view: ReadView,
    range: Omit<Parameters<typeof readDocuments>[3], 'hint'>,
    digested: Parameters<typeof readDocuments>[5],
  ): Promise<void> {
    const columns = this.#plan.json.length;
    const boundary = (part: KeyRange, rows: number) => this.#boundary(view, part, rows);
    if (range.jsonBytes === 0) return;
    const hint = await this.#hint(view, range.range);
    await readDocuments(view, this.#statements, columns, { ...range, hint }, boundary, digested);
  }
}

function totalOf(rows: readonly z.infer<typeof sumRow>[]): { rows: number; jsonBytes: number } {
  return {
    rows: rows.reduce((sum, row) => sum + row.row_count, 0),
    jsonBytes: rows.reduce((sum, row) => sum + row.json_bytes, 0),
  };
}
