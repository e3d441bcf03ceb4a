import { TaskError } from '../errors.ts';
import type { SourceTable } from '../sql/columns.ts';
import { ColumnType, readLength, type TableMap } from './tableMap.ts';

/**
 * One image of a row: its bytes and where each column starts, nothing decoded. Most rows of a binary log belong to no
 * task and are thrown away after a look at one column.
 */
export interface RowImage {
  readonly bytes: Buffer;
  /** Start of each column; -1 for NULL, -2 for a column that is not in the image. */
  readonly starts: Int32Array;
  readonly map: TableMap;
}

/** A change of one row. An insert has no `before`, a delete no `after`. */
export type RowChange =
  | { readonly kind: 'insert'; readonly table: SourceTable; readonly after: RowImage }
  | { readonly kind: 'update'; readonly table: SourceTable; readonly before: RowImage; readonly after: RowImage }
  | { readonly kind: 'delete'; readonly table: SourceTable; readonly before: RowImage };

export type RowEventKind = RowChange['kind'];

/** Walks over the rows of one event; `visit` gets views into the event's buffer, to be copied with `keepImage` if kept. */
export function walkRows(
  body: Buffer,
  kind: RowEventKind,
  version: 1 | 2,
  map: TableMap,
  visit: (first: RowImage, second: RowImage | null) => void,
): void {
  let at = 8;
  if (version === 2) at += body.readUInt16LE(8);
  const [count, bitmapAt] = readLength(body, at);
  if (count !== map.types.length) {
    throw new TaskError('ROW_SHAPE', `row event of ${map.schema}.${map.table} does not fit its table map`, {
      recoverable: false,
    });
  }
  const bitmapBytes = (count + 7) >> 3;
  const present = body.subarray(bitmapAt, bitmapAt + bitmapBytes);
  at = bitmapAt + bitmapBytes;
  let presentAfter = present;
  if (kind === 'update') {
    presentAfter = body.subarray(at, at + bitmapBytes);
    at += bitmapBytes;
  }
  while (at < body.length) {
    const first = scanImage(body, at, present, map);
    at = first.end;
    if (kind === 'update') {
      const second = scanImage(body, at, presentAfter, map);
      at = second.end;
      visit(first.image, second.image);
    } else {
      visit(first.image, null);
    }
  }
}

/** Copies an image out of the network buffer it was read from. */
export function keepImage(image: RowImage): RowImage {
  return { bytes: Buffer.from(image.bytes), starts: image.starts, map: image.map };
}

function scanImage(body: Buffer, from: number, present: Buffer, map: TableMap): { image: RowImage; end: number } {
  const count = map.types.length;
  const starts = new Int32Array(count);
  let presentCount = 0;
  for (let column = 0; column < count; column += 1) {
    if (((present[column >> 3] ?? 0) >> (column & 7)) & 1) presentCount += 1;
  }
  let at = from + ((presentCount + 7) >> 3);
  let bit = 0;
  for (let column = 0; column < count; column += 1) {
    if (!(((present[column >> 3] ?? 0) >> (column & 7)) & 1)) {
      starts[column] = -2;
      continue;
    }
    const isNull = ((body[from + (bit >> 3)] ?? 0) >> (bit & 7)) & 1;
    bit += 1;
    if (isNull) {
      starts[column] = -1;
      continue;
    }
    starts[column] = at - from;
    at += storedLength(body, at, map.types[column] ?? 0, map.metadata[column] ?? 0);
  }
  return { image: { bytes: body.subarray(from, at), starts, map }, end: at };
}

/** Bytes a value takes up in the image, its own length prefix included. */
export function storedLength(bytes: Buffer, at: number, type: number, metadata: number): number {
  switch (type) {
    case ColumnType.TINY:
    case ColumnType.YEAR:
      return 1;
    case ColumnType.SHORT:
      return 2;
    case ColumnType.INT24:
    case ColumnType.DATE:
    case ColumnType.NEWDATE:
    case ColumnType.TIME:
      return 3;
    case ColumnType.LONG:
    case ColumnType.FLOAT:
    case ColumnType.TIMESTAMP:
      return 4;
    case ColumnType.DOUBLE:
    case ColumnType.LONGLONG:
    case ColumnType.DATETIME:
      return 8;
    case ColumnType.TIMESTAMP2:
      return 4 + ((metadata + 1) >> 1);
    case ColumnType.DATETIME2:
      return 5 + ((metadata + 1) >> 1);
    case ColumnType.TIME2:
      return 3 + ((metadata + 1) >> 1);
    case ColumnType.NEWDECIMAL:
      return decimalLength(metadata >> 8, metadata & 0xff);
    case ColumnType.BIT:
      return (metadata >> 8) + ((metadata & 0xff) > 0 ? 1 : 0);
    case ColumnType.ENUM:
    case ColumnType.SET:
      return metadata;
    default:
      return prefixBytes(type, metadata) + readUnsigned(bytes, at, prefixBytes(type, metadata));
  }
}

/** How many bytes of length stand in front of a string or a LOB. */
export function prefixBytes(type: number, metadata: number): number {
  switch (type) {
    case ColumnType.VARCHAR:
    case ColumnType.VAR_STRING:
    case ColumnType.STRING:
      return metadata > 255 ? 2 : 1;
    case ColumnType.TINY_BLOB:
    case ColumnType.MEDIUM_BLOB:
    case ColumnType.LONG_BLOB:
    case ColumnType.BLOB:
    case ColumnType.JSON:
    case ColumnType.GEOMETRY:
    case ColumnType.VECTOR:
      return metadata;
    default:
      throw new TaskError('UNKNOWN_COLUMN_TYPE', `binary log column type ${type} is not supported`, {
        recoverable: false,
      });
  }
}

export function readUnsigned(bytes: Buffer, at: number, length: number): number {
  return length === 0 ? 0 : bytes.readUIntLE(at, length);
}

const DIGIT_BYTES = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4];

/** Bytes of a packed decimal: nine digits in four bytes, what is left over in fewer. */
export function decimalLength(precision: number, scale: number): number {
  const whole = precision - scale;
  return (
    Math.floor(whole / 9) * 4 +
    (DIGIT_BYTES[whole % 9] ?? 0) +
    Math.floor(scale / 9) * 4 +
    (DIGIT_BYTES[scale % 9] ?? 0)
  );
}
