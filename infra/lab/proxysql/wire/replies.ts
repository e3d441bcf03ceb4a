import { ServerStatus } from './constants.ts';
import { lengthEncodedInteger, lengthEncodedString } from './lengthEncoded.ts';

// Payloads that the stand-in itself answers with.

export interface OkInput {
  readonly affectedRows?: number;
  readonly lastInsertId?: number;
  readonly status?: number;
  readonly info?: string;
}

export function okPayload({ affectedRows = 0, lastInsertId = 0, status, info = '' }: OkInput = {}): Buffer {
  return Buffer.concat([
    Buffer.from([0]),
    lengthEncodedInteger(affectedRows),
    lengthEncodedInteger(lastInsertId),
    uint16(status ?? ServerStatus.AUTOCOMMIT),
    uint16(0),
    Buffer.from(info, 'utf8'),
  ]);
}

export function errorPayload(errno: number, sqlState: string, message: string): Buffer {
  return Buffer.concat([Buffer.from([0xff]), uint16(errno), Buffer.from(`#${sqlState}${message}`, 'utf8')]);
}

export function eofPayload(status: number): Buffer {
  return Buffer.concat([Buffer.from([0xfe]), uint16(0), uint16(status)]);
}

export interface TextResult {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | null)[])[];
  /** Columns are BIGINT UNSIGNED instead of VAR_STRING. */
  readonly numeric?: boolean;
}

/**
 * A result of the text protocol in which every column is a VAR_STRING in utf8, the type ProxySQL gives to whatever it
 * answers itself.
 */
export function resultPayloads(result: TextResult, deprecateEof: boolean, status: number): Buffer[] {
  const payloads: Buffer[] = [lengthEncodedInteger(result.columns.length)];
  for (const name of result.columns) payloads.push(columnDefinition(name, result.numeric === true));
  if (!deprecateEof) payloads.push(eofPayload(status));
  for (const row of result.rows) {
    payloads.push(
      Buffer.concat(row.map((value) => (value === null ? Buffer.from([0xfb]) : lengthEncodedString(value)))),
    );
  }
  if (deprecateEof) {
    const ok = okPayload({ status });
    ok[0] = 0xfe;
    payloads.push(ok);
  } else {
    payloads.push(eofPayload(status));
  }
  return payloads;
}

const VAR_STRING = 0xfd;
const LONGLONG = 0x08;
const BINARY = 63;
const NOT_NULL_UNSIGNED_BINARY = 0xa1;
const UTF8_GENERAL_CI = 33;

function columnDefinition(name: string, numeric: boolean): Buffer {
  const fixed = Buffer.alloc(13);
  fixed[0] = 0x0c;
  fixed.writeUInt16LE(numeric ? BINARY : UTF8_GENERAL_CI, 1);
  fixed.writeUInt32LE(numeric ? 31 : 15, 3);
  fixed[7] = numeric ? LONGLONG : VAR_STRING;
  fixed.writeUInt16LE(numeric ? NOT_NULL_UNSIGNED_BINARY : 1, 8);
  const empty = Buffer.from([0]);
  return Buffer.concat([lengthEncodedString('def'), empty, empty, empty, lengthEncodedString(name), empty, fixed]);
}

function uint16(value: number): Buffer {
  return Buffer.from([value & 0xff, value >> 8]);
}
