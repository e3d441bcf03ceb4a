import type { Column, ColumnKind } from '../sql/columns.ts';
import { binaryLiteral, bitLiteral, charsetLiteral, quoteText } from '../sql/literals.ts';
import { decodeDecimal } from './decimal.ts';
import { decodeJson } from './json.ts';
import { prefixBytes, type RowImage, readUnsigned, storedLength } from './rows.ts';
import { ColumnType } from './tableMap.ts';
import {
  decodeDate,
  decodeDatetime2,
  decodeOldDatetime,
  decodeOldTime,
  decodeTime2,
  decodeTimestamp2,
  formatTimestamp,
} from './temporal.ts';

/** Is the column NULL in this image (or not part of it)? */
export function isNull(image: RowImage, index: number): boolean {
  return (image.starts[index] ?? -2) < 0;
}

export function isPresent(image: RowImage, index: number): boolean {
  return (image.starts[index] ?? -2) !== -2;
}

/** Do both images hold the same bytes in this column? */
export function sameValue(before: RowImage, after: RowImage, index: number): boolean {
  const a = before.starts[index] ?? -2;
  const b = after.starts[index] ?? -2;
  if (a < 0 || b < 0) return a === b;
  const type = before.map.types[index] ?? 0;
  const metadata = before.map.metadata[index] ?? 0;
  const aLength = storedLength(before.bytes, a, type, metadata);
  const bLength = storedLength(after.bytes, b, type, metadata);
  return aLength === bLength && before.bytes.compare(after.bytes, b, b + bLength, a, a + aLength) === 0;
}

/** A value as SQL. LOBs are cut at `lobLimitBytes`. */
export function literalOf(image: RowImage, index: number, column: Column, lobLimitBytes: number): string {
  if (isNull(image, index)) return 'NULL';
  switch (column.kind) {
    case 'integer':
    case 'decimal':
    case 'float': {
      const text = textOf(image, index, column);
      return column.dataType === 'year' ? `'${text}'` : text;
    }
    case 'bit':
      return bitLiteral(bytesOf(image, index));
    case 'temporal':
      return `'${textOf(image, index, column)}'`;
    case 'json': {
      const document = Buffer.from(textOf(image, index, column));
      return quoteText((document.length > lobLimitBytes ? cutText(document, lobLimitBytes) : document).toString());
    }
    case 'text': {
      const type = image.map.types[index];
      if (type === ColumnType.ENUM || type === ColumnType.SET) return quoteText(textOf(image, index, column));
      const bytes = bytesOf(image, index);
      const cut = column.lob && bytes.length > lobLimitBytes;
      return charsetLiteral(cut ? cutText(bytes, lobLimitBytes) : bytes, column.charset ?? 'utf8mb4');
    }
    case 'binary': {
      const bytes = padded(bytesOf(image, index), column.paddedTo);
      return binaryLiteral(column.lob ? bytes.subarray(0, lobLimitBytes) : bytes);
    }
    default:
      return unreachableKind(column.kind);
  }
}

/** A value as text, as the server would print it in UTC; for filters and for numbers. Not for NULL. */
export function textOf(image: RowImage, index: number, column: Column): string {
  const at = image.starts[index] ?? 0;
  const bytes = image.bytes;
  const type = image.map.types[index] ?? 0;
  const metadata = image.map.metadata[index] ?? 0;
  switch (type) {
    case ColumnType.TINY:
      return String(column.unsigned ? bytes.readUInt8(at) : bytes.readInt8(at));
    case ColumnType.SHORT:
      return String(column.unsigned ? bytes.readUInt16LE(at) : bytes.readInt16LE(at));
    case ColumnType.INT24:
      return String(column.unsigned ? bytes.readUIntLE(at, 3) : bytes.readIntLE(at, 3));
    case ColumnType.LONG:
      return String(column.unsigned ? bytes.readUInt32LE(at) : bytes.readInt32LE(at));
    case ColumnType.LONGLONG:
      return (column.unsigned ? bytes.readBigUInt64LE(at) : bytes.readBigInt64LE(at)).toString();
    case ColumnType.FLOAT:
      return String(bytes.readFloatLE(at));
    case ColumnType.DOUBLE:
      return doubleText(bytes.readDoubleLE(at));
    case ColumnType.NEWDECIMAL:
      return decodeDecimal(bytes, at, metadata >> 8, metadata & 0xff);
    case ColumnType.YEAR: {
      const year = bytes.readUInt8(at);
      return year === 0 ? '0000' : String(1900 + year);
    }
    case ColumnType.DATE:
    case ColumnType.NEWDATE:
      return decodeDate(bytes, at);
    case ColumnType.DATETIME2:
      return decodeDatetime2(bytes, at, metadata);
    case ColumnType.TIMESTAMP2:
      return decodeTimestamp2(bytes, at, metadata);
    case ColumnType.TIME2:
      return decodeTime2(bytes, at, metadata);
    case ColumnType.DATETIME:
      return decodeOldDatetime(bytes, at);
    case ColumnType.TIMESTAMP:
      return formatTimestamp(bytes.readUInt32LE(at), 0, 0);
    case ColumnType.TIME:
      return decodeOldTime(bytes, at);
    case ColumnType.ENUM:
      return column.labels[readUnsigned(bytes, at, metadata) - 1] ?? '';
    case ColumnType.SET: {
      const bits = setBits(bytes, at, metadata);
      return column.labels.filter((_, label) => ((bits >> BigInt(label)) & 1n) === 1n).join(',');
    }
    case ColumnType.BIT:
      return bytesOf(image, index).toString('hex');
    case ColumnType.JSON:
      return decodeJson(bytesOf(image, index));
    default:
      return new TextDecoder(decoderOf(column.charset)).decode(bytesOf(image, index));
  }
}

function bytesOf(image: RowImage, index: number): Buffer {
  const type = image.map.types[index] ?? 0;
  const metadata = image.map.metadata[index] ?? 0;
  const at = image.starts[index] ?? 0;
  const length = storedLength(image.bytes, at, type, metadata);
  if (type === ColumnType.BIT) return image.bytes.subarray(at, at + length);
  return image.bytes.subarray(at + prefixBytes(type, metadata), at + length);
}

function setBits(bytes: Buffer, at: number, length: number): bigint {
  let bits = 0n;
  for (let index = length - 1; index >= 0; index -= 1) bits = (bits << 8n) | BigInt(bytes[at + index] ?? 0);
  return bits;
}

function padded(bytes: Buffer, length: number): Buffer {
  return bytes.length >= length ? bytes : Buffer.concat([bytes, Buffer.alloc(length - bytes.length)]);
}

/** Cuts UTF-8 at a character's border: half a character would be refused by the target. */
export function cutText(bytes: Buffer, limit: number): Buffer {
  let end = limit;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end);
}

function doubleText(value: number): string {
  return Object.is(value, -0) ? '-0.0' : String(value).replace('e+', 'e');
}

function decoderOf(charset: string | null): string {
  return charset === null || charset.startsWith('utf8') ? 'utf-8' : charset === 'latin1' ? 'windows-1252' : 'latin1';
}

function unreachableKind(kind: never): never {
  throw new Error(`column kind ${String(kind satisfies ColumnKind)} has no SQL form`);
}
