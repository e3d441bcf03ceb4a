import { TaskError } from '../errors.ts';

/** Column type codes of the binary log. */
export const ColumnType = {
  TINY: 1,
  SHORT: 2,
  LONG: 3,
  FLOAT: 4,
  DOUBLE: 5,
  TIMESTAMP: 7,
  LONGLONG: 8,
  INT24: 9,
  DATE: 10,
  TIME: 11,
  DATETIME: 12,
  YEAR: 13,
  NEWDATE: 14,
  VARCHAR: 15,
  BIT: 16,
  TIMESTAMP2: 17,
  DATETIME2: 18,
  TIME2: 19,
  VECTOR: 242,
  JSON: 245,
  NEWDECIMAL: 246,
  ENUM: 247,
  SET: 248,
  TINY_BLOB: 249,
  MEDIUM_BLOB: 250,
  LONG_BLOB: 251,
  BLOB: 252,
  VAR_STRING: 253,
  STRING: 254,
  GEOMETRY: 255,
} as const;

/** What a TABLE_MAP event says about the rows that follow it. */
export interface TableMap {
  readonly tableId: number;
  readonly schema: string;
  readonly table: string;
  readonly types: Uint8Array;
  /** Per column: length bytes, maximum length, fraction digits or precision, by type. */
  readonly metadata: Uint16Array;
}

const TWO_BYTES = new Set<number>([ColumnType.VARCHAR, ColumnType.BIT, ColumnType.VAR_STRING]);
const ONE_BYTE = new Set<number>([
  ColumnType.FLOAT,
  ColumnType.DOUBLE,
  ColumnType.TIMESTAMP2,
  ColumnType.DATETIME2,
  ColumnType.TIME2,
  ColumnType.VECTOR,
  ColumnType.JSON,
  ColumnType.TINY_BLOB,
  ColumnType.MEDIUM_BLOB,
  ColumnType.LONG_BLOB,
  ColumnType.BLOB,
  ColumnType.GEOMETRY,
]);

/** A length-encoded integer (below 2^32: counts of columns and bytes of metadata) and where it ends. */
export function readLength(body: Buffer, at: number): [value: number, next: number] {
  const first = body[at] ?? 0;
  if (first < 251) return [first, at + 1];
  if (first === 252) return [body.readUInt16LE(at + 1), at + 3];
  if (first === 253) return [body.readUIntLE(at + 1, 3), at + 4];
  return [body.readUInt32LE(at + 1), at + 9];
}

/** The table's number: the first six bytes of TABLE_MAP and row events alike. */
export function tableIdOf(body: Buffer): number {
  return body.readUIntLE(0, 6);
}

/** Reads the body of a TABLE_MAP event (without the common header). */
export function parseTableMap(body: Buffer): TableMap {
  let at = 8;
  const schemaLength = body[at] ?? 0;
  const schema = body.toString('utf8', at + 1, at + 1 + schemaLength);
  at += schemaLength + 2;
  const tableLength = body[at] ?? 0;
  const table = body.toString('utf8', at + 1, at + 1 + tableLength);
  at += tableLength + 2;
  const [count, typesAt] = readLength(body, at);
  const types = Uint8Array.from(body.subarray(typesAt, typesAt + count));
  const metadata = new Uint16Array(count);
  [, at] = readLength(body, typesAt + count);
  for (let column = 0; column < count; column += 1) {
    const type = types[column] ?? 0;
    if (TWO_BYTES.has(type)) {
      metadata[column] = body.readUInt16LE(at);
      at += 2;
    } else if (type === ColumnType.NEWDECIMAL) {
      metadata[column] = body.readUInt16BE(at);
      at += 2;
    } else if (type === ColumnType.STRING || type === ColumnType.ENUM || type === ColumnType.SET) {
      const [real, length] = unfoldString(body[at] ?? 0, body[at + 1] ?? 0);
      types[column] = real;
      metadata[column] = length;
      at += 2;
    } else if (ONE_BYTE.has(type)) {
      metadata[column] = body[at] ?? 0;
      at += 1;
    } else if (type === 140 || type === 141) {
      throw new TaskError('COMPRESSED_COLUMN', `${schema}.${table}: column-compressed columns are not supported`, {
        recoverable: false,
      });
    }
  }
  return { tableId: tableIdOf(body), schema, table, types, metadata };
}

/** CHAR, ENUM and SET share a code; the real one, and lengths above 255, are folded into the first byte. */
function unfoldString(first: number, second: number): [type: number, length: number] {
  if ((first & 0x30) !== 0x30) {
    return [first | 0x30, second | (((first & 0x30) ^ 0x30) << 4)];
  }
  return [first, second];
}
