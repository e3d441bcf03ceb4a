/** Values as SQL. Sessions run without NO_BACKSLASH_ESCAPES, so the backslash escapes. */

/** From this size on base64 (4/3) is used instead of hexadecimal (2/1), to stay under `max_allowed_packet`. */
const BASE64_FROM_BYTES = 16 * 1024;

/** A string in the connection's character set, utf8mb4. */
export function quoteText(text: string): string {
  return `'${text.replace(/['\\]/g, '\\$&')}'`;
}

export function binaryLiteral(bytes: Buffer): string {
  if (bytes.length === 0) return "''";
  return bytes.length < BASE64_FROM_BYTES
    ? `X'${bytes.toString('hex')}'`
    : `FROM_BASE64('${bytes.toString('base64')}')`;
}

/** Character data whose bytes are in the column's own character set. */
export function charsetLiteral(bytes: Buffer, charset: string): string {
  if (charset === 'utf8mb4' || charset === 'utf8mb3' || charset === 'utf8') return quoteText(bytes.toString('utf8'));
  if (bytes.length === 0) return "''";
  if (bytes.length < BASE64_FROM_BYTES) return `_${charset} X'${bytes.toString('hex')}'`;
  return `CONVERT(FROM_BASE64('${bytes.toString('base64')}') USING ${charset})`;
}

/** A BIT value: its bytes as a number. */
export function bitLiteral(bytes: Buffer): string {
  return `0x${bytes.toString('hex') || '00'}`;
}

/** A value that may be zero as a date: 0000-00-00, or with a month or day of zero. */
export function isZeroDate(text: string): boolean {
  return text.startsWith('0000-00-00');
}
