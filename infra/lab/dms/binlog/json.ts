import { TaskError } from '../errors.ts';
import { decodeDecimal } from './decimal.ts';
import { ColumnType } from './tableMap.ts';
import { decodePackedTemporal } from './temporal.ts';

/** The text of a JSON document in MySQL's binary form, as MySQL prints it: integers of 64 bits and decimals keep every digit. */
export function decodeJson(document: Buffer): string {
  if (document.length === 0) return 'null';
  return decodeValue(document[0] ?? 0, document, 1);
}

function decodeValue(type: number, bytes: Buffer, at: number): string {
  switch (type) {
    case 0:
    case 1:
      return decodeContainer(bytes, at, type === 1, true);
    case 2:
    case 3:
      return decodeContainer(bytes, at, type === 3, false);
    case 4:
      return ['null', 'true', 'false'][bytes[at] ?? 0] ?? 'null';
    case 5:
      return String(bytes.readInt16LE(at));
    case 6:
      return String(bytes.readUInt16LE(at));
    case 7:
      return String(bytes.readInt32LE(at));
    case 8:
      return String(bytes.readUInt32LE(at));
    case 9:
      return bytes.readBigInt64LE(at).toString();
    case 10:
      return bytes.readBigUInt64LE(at).toString();
    case 11:
      return formatDouble(bytes.readDoubleLE(at));
    case 12: {
      const [length, start] = readVariable(bytes, at);
      return JSON.stringify(bytes.toString('utf8', start, start + length));
    }
    case 15:
      return decodeOpaque(bytes, at);
    default:
      throw new TaskError('UNKNOWN_JSON_TYPE', `binary JSON type ${type} is not supported`, { recoverable: false });
  }
}

/** Objects and arrays: count, size, a table of keys and values, then what did not fit into the table. */
function decodeContainer(bytes: Buffer, start: number, large: boolean, isObject: boolean): string {
  const width = large ? 4 : 2;
  const read = (at: number): number => (large ? bytes.readUInt32LE(at) : bytes.readUInt16LE(at));
  const count = read(start);
  const keysAt = start + 2 * width;
  const valuesAt = keysAt + (isObject ? count * (width + 2) : 0);
  const parts: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const entry = valuesAt + index * (1 + width);
    const type = bytes[entry] ?? 0;
    const inlined = type === 4 || type === 5 || type === 6 || (large && (type === 7 || type === 8));
    const value = decodeValue(type, bytes, inlined ? entry + 1 : start + read(entry + 1));
    if (isObject) {
      const key = keysAt + index * (width + 2);
      const keyStart = start + read(key);
      const name = bytes.toString('utf8', keyStart, keyStart + bytes.readUInt16LE(key + width));
      parts.push(`${JSON.stringify(name)}: ${value}`);
    } else {
      parts.push(value);
    }
  }
  return isObject ? `{${parts.join(', ')}}` : `[${parts.join(', ')}]`;
}

/** Values of SQL types that JSON has no word for. */
function decodeOpaque(bytes: Buffer, at: number): string {
  const type = bytes[at] ?? 0;
  const [length, start] = readVariable(bytes, at + 1);
  switch (type) {
    case ColumnType.NEWDECIMAL:
      return decodeDecimal(bytes, start + 2, bytes[start] ?? 0, bytes[start + 1] ?? 0);
    case ColumnType.DATE:
      return `"${decodePackedTemporal(bytes.readBigInt64LE(start), 'date')}"`;
    case ColumnType.TIME:
      return `"${decodePackedTemporal(bytes.readBigInt64LE(start), 'time')}"`;
    case ColumnType.DATETIME:
    case ColumnType.TIMESTAMP:
      return `"${decodePackedTemporal(bytes.readBigInt64LE(start), 'datetime')}"`;
    default:
      return `"base64:type${type}:${bytes.toString('base64', start, start + length)}"`;
  }
}

/** A length of seven bits per byte. */
function readVariable(bytes: Buffer, at: number): [value: number, next: number] {
  let value = 0;
  let factor = 1;
  for (let cursor = at; ; cursor += 1) {
    const byte = bytes[cursor] ?? 0;
    value += (byte & 0x7f) * factor;
    factor *= 128;
    if ((byte & 0x80) === 0) return [value, cursor + 1];
  }
}

/** A whole number keeps its `.0`, or the other side would read an integer. */
function formatDouble(value: number): string {
  const text = String(value).replace('e+', 'e');
  return /^-?\d+$/.test(text) ? `${Object.is(value, -0) ? '-0' : text}.0` : text;
}
