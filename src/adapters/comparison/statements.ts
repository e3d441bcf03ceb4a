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
  readonly #org: string;
  readonly #row: string;
  readonly #name: string;
  readonly #keyColumns: string;

  constructor(plan: SidePlan, orgId: number) {
    if (!Number.isSafeInteger(orgId)) throw new TypeError(`not an org id: ${orgId}`);
    this.#plan = plan;
    const org = plan.orgIsText ? `'${orgId}'` : String(orgId);
    this.#org = `WHERE ${plan.orgColumn} = ${org}`;
    this.#row = `CONCAT_WS(${[SEPARATOR, ...plan.values.map(({ sql }) => sql)].join(', ')})`;
    this.#name = `CONCAT_WS('|', ${plan.key.map(({ name }) => name).join(', ')})`;
    this.#keyColumns = plan.key.map(({ read }, i) => `${read} AS k${i}`).join(', ');
  }

  /** @param hint as {@link Scan} gives it, like in all that read a range */
  boundary(range: KeyRange, rows: number, hint: string): string {
    const order = this.#plan.key.map(({ column }) => column).join(', ');
    return `SELECT ${this.#keyColumns} ${this.#where(range, hint)} ORDER BY ${order} LIMIT 1 OFFSET ${rows - 1}`;
  }

  /** Keys of the range's first rows, in their order. */
  keys(range: KeyRange, rows: number, hint: string): string {
    const order = this.#plan.key.map(({ column }) => column).join(', ');
    return `SELECT ${this.#keyColumns} ${this.#where(range, hint)} ORDER BY ${order} LIMIT ${rows}`;
  }

  /** How many of these rows there are. */
  present(keys: readonly Key[]): string {
    return `SELECT COUNT(*) AS row_count ${this.#withKeys(keys)}`;
  }

  count(hint: string): string {
    return `SELECT COUNT(*) AS row_count ${this.#where({ after: null, upTo: null }, hint)}`;
  }

  /**
   * Rows, their sum, and the bytes of JSON in them. XOR of CRC32 alone would be blind where two rows change in the same
   * way at the same place, because CRC32 is linear: the second change takes the first back. Each row's is multiplied
   * with a number of its own, from its key and never 0, which takes that away and makes the sum one of 64 bits. A
   * cryptographic digest instead makes the slower side half as fast.
   */
  sum(range: KeyRange, buckets: number, hint: string): string {
    const bucket = buckets === 1 ? '0' : this.#bucket(buckets);
    const jsonBytes = this.#plan.json.map(({ size }) => `IFNULL(${size}, 0)`).join(' + ');
    const sumOfBytes = jsonBytes === '' ? '0' : `IFNULL(SUM(${jsonBytes}), 0)`;
    return (
      `SELECT ${bucket} AS bucket, COUNT(*) AS row_count, ` +
      `BIT_XOR(CRC32(${this.#row}) * (CRC32(${this.#name}) | 1)) AS checksum, ` +
      `${sumOfBytes} AS json_bytes ${this.#where(range, hint)}${buckets === 1 ? '' : ' GROUP BY 1'}`
    );
  }

  rows(range: KeyRange, buckets: BucketFilter | undefined, hint: string): string {
    const filter = this.#filter(buckets);
    return `SELECT ${this.#keyColumns}, ${this.#name} AS name, LEFT(SHA2(${this.#row}, 256), 32) AS digest ${this.#where(range, hint)}${filter}`;
  }

  /** Documents of rows that have any. */
  documents(range: KeyRange, buckets: number, filter: BucketFilter | undefined, hint: string): string {
    const bucket = buckets === 1 ? '0' : this.#bucket(buckets);
    const some = this.#plan.json.map(({ quoted }) => `${quoted} IS NOT NULL`).join(' OR ');
    return `SELECT ${this.#name} AS name, ${bucket} AS bucket, ${this.#texts()} ${this.#where(range, hint)}${this.#filter(filter)} AND (${some})`;
  }

  columns(keys: readonly Key[]): string {
    const digests = this.#plan.values.map(({ sql }, i) => `LEFT(SHA2(IFNULL(${sql}, ${NULL_MARK}), 256), 32) AS c${i}`);
    const texts = this.#plan.json.length === 0 ? [] : [this.#texts()];
    return `SELECT ${[`${this.#name} AS name`, ...digests, ...texts].join(', ')} ${this.#withKeys(keys)}`;
  }

  images(keys: readonly Key[]): string {
    const values = this.#plan.image.map(({ sql }, i) => `${sql} AS v${i}`);
    return `SELECT ${[`${this.#name} AS name`, ...values].join(', ')} ${this.#withKeys(keys)}`;
  }

  /** The first `most` characters or bytes of each value that can be long, with the bytes of the whole. */
  excerpts(keys: readonly Key[], most: number): string {
    if (!Number.isSafeInteger(most)) throw new TypeError(`not a length: ${most}`);
    const values = this.#plan.image.map(({ sql, excerpt }, i) => {
      if (excerpt === null) return `${sql} AS v${i}`;
      const first = `LEFT(${sql}, ${most})`;
      const shown = excerpt === 'bytes' ? `CONCAT('0x', HEX(${first}))` : first;
      return `${shown} AS v${i}, OCTET_LENGTH(${sql}) AS b${i}, CHAR_LENGTH(${sql}) > ${most} AS c${i}`;
    });
    return `SELECT ${[`${this.#name} AS name`, ...values].join(', ')} ${this.#withKeys(keys)}`;
  }

  #withKeys(keys: readonly Key[]): string {
    const rows = keys.map((key) => keyCondition(this.#plan.key, key)).join(' OR ');
    return `FROM ${this.#plan.table} ${this.#org} AND (${rows})`;
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

  #where(range: KeyRange, hint: string): string {
    return `FROM ${this.#plan.table}${hint} ${this.#org}${rangeCondition(this.#plan.key, range)}`;
  }
}
