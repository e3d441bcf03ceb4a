import type { BucketFilter, Key, KeyRange } from '../../verification/chunks.ts';
import { keyCondition, rangeCondition } from './keyRange.ts';
import type { SidePlan } from './plan.ts';
import { NULL_MARK, SEPARATOR } from './sqlText.ts';

/**
 * SQL of one side of one table. Values are written into the text (numbers and hex only), so that a statement is the
 * same over text and prepared protocols.
 */
export class Statements {
  readonly #plan: SidePlan;
  readonly #from: string;
  readonly #row: string;
  readonly #name: string;
  readonly #keyColumns: string;

  constructor(plan: SidePlan, orgId: number) {
    if (!Number.isSafeInteger(orgId)) throw new TypeError(`not an org id: ${orgId}`);
    this.#plan = plan;
    const org = plan.orgIsText ? `'${orgId}'` : String(orgId);
    this.#from = `FROM ${plan.table} WHERE ${plan.orgColumn} = ${org}`;
    this.#row = `CONCAT_WS(${[SEPARATOR, ...plan.values.map(({ sql }) => sql)].join(', ')})`;
    this.#name = `CONCAT_WS('|', ${plan.key.map(({ name }) => name).join(', ')})`;
    this.#keyColumns = plan.key.map(({ read }, i) => `${read} AS k${i}`).join(', ');
  }

  boundary(range: KeyRange, rows: number): string {
    const order = this.#plan.key.map(({ column }) => column).join(', ');
    return `SELECT ${this.#keyColumns} ${this.#where(range)} ORDER BY ${order} LIMIT 1 OFFSET ${rows - 1}`;
  }

  /**
   * Rows, their sum, and the bytes of JSON in them. XOR of CRC32 alone would be blind where two rows change in the same
   * way at the same place, because CRC32 is linear: the second change takes the first back. SHA-2 before it is not.
   */
  sum(range: KeyRange, buckets: number): string {
    const bucket = buckets === 1 ? '0' : this.#bucket(buckets);
    const jsonBytes = this.#plan.json.map(({ size }) => `IFNULL(${size}, 0)`).join(' + ') || '0';
    return (
      `SELECT ${bucket} AS bucket, COUNT(*) AS row_count, BIT_XOR(CRC32(SHA2(${this.#row}, 256))) AS checksum, ` +
      `IFNULL(SUM(${jsonBytes}), 0) AS json_bytes ${this.#where(range)}${buckets === 1 ? '' : ' GROUP BY 1'}`
    );
  }

  rows(range: KeyRange, buckets?: BucketFilter): string {
    const filter = this.#filter(buckets);
    return `SELECT ${this.#keyColumns}, ${this.#name} AS name, LEFT(SHA2(${this.#row}, 256), 32) AS digest ${this.#where(range)}${filter}`;
  }

  /** Documents of rows that have any. */
  documents(range: KeyRange, buckets: number, filter?: BucketFilter): string {
    const bucket = buckets === 1 ? '0' : this.#bucket(buckets);
    const some = this.#plan.json.map(({ quoted }) => `${quoted} IS NOT NULL`).join(' OR ');
    return `SELECT ${this.#name} AS name, ${bucket} AS bucket, ${this.#texts()} ${this.#where(range)}${this.#filter(filter)} AND (${some})`;
  }

  columns(keys: readonly Key[]): string {
    const digests = this.#plan.values.map(({ sql }, i) => `LEFT(SHA2(IFNULL(${sql}, ${NULL_MARK}), 256), 32) AS c${i}`);
    const texts = this.#plan.json.length === 0 ? [] : [this.#texts()];
    const rows = keys.map((key) => keyCondition(this.#plan.key, key)).join(' OR ');
    return `SELECT ${[`${this.#name} AS name`, ...digests, ...texts].join(', ')} ${this.#from} AND (${rows})`;
  }

  #texts(): string {
    return this.#plan.json.map(({ text }, i) => `${text} AS j${i}`).join(', ');
  }

  #bucket(buckets: number): string {
    return `(CRC32(${this.#name}) & ${buckets - 1})`;
  }

  #filter(buckets: BucketFilter | undefined): string {
    return buckets === undefined ? '' : ` AND ${this.#bucket(buckets.of)} IN (${buckets.only.join(', ')})`;
  }

  #where(range: KeyRange): string {
    return `${this.#from}${rangeCondition(this.#plan.key, range)}`;
  }
}
