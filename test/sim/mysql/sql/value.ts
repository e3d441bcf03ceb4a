/** A value of SQL: integers beyond 2^53 are bigint, decimals and times are text, bytes are Buffers. */
export type Value = null | number | bigint | string | Buffer;

/** True, false or unknown, as SQL writes them. */
export function truth(value: Value): boolean | null {
  if (value === null) return null;
  return numberOf(value) !== 0;
}

export function fromTruth(value: boolean | null): Value {
  return value === null ? null : value ? 1 : 0;
}

export function numberOf(value: Exclude<Value, null>): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  const parsed = Number.parseFloat(textOf(value));
  return Number.isNaN(parsed) ? 0 : parsed;
}

export function textOf(value: Exclude<Value, null>): string {
  return Buffer.isBuffer(value) ? value.toString('utf8') : String(value);
}

export function bytesOf(value: Exclude<Value, null>): Buffer {
  return Buffer.isBuffer(value) ? value : Buffer.from(String(value), 'utf8');
}

/** Less than, equal or greater; null where one of them is NULL. Text is compared by its bytes, not by a collation. */
export function compare(a: Value, b: Value): number | null {
  if (a === null || b === null) return null;
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b);
  if (isNumber(a) || isNumber(b)) return compareNumbers(a, b);
  return Buffer.compare(bytesOf(a), bytesOf(b));
}

/** For ORDER BY and keys: NULL comes first. */
export function order(a: Value, b: Value): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? -1 : 1;
  return compare(a, b) ?? 0;
}

/** What makes a key of an index: equal values give equal text. */
export function keyText(values: readonly Value[]): string {
  if (values.length === 1) return oneKey(values[0] ?? null);
  return values.map(oneKey).join('\u0000');
}

function oneKey(value: Value): string {
  return value === null ? '\u0001' : Buffer.isBuffer(value) ? value.toString('latin1') : String(value);
}

function isNumber(value: Value): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}

function compareNumbers(a: Exclude<Value, null>, b: Exclude<Value, null>): number {
  const [x, y] = [exactly(a), exactly(b)];
  return x < y ? -1 : x > y ? 1 : 0;
}

function exactly(value: Exclude<Value, null>): number | bigint {
  return isNumber(value) ? value : numberOf(value);
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  if (isTime(a) && isTime(b)) return plain(padded(a), padded(b));
  return plain(a, b);
}

function plain(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** `2024-02-29 23:59:59`, with or without a fraction. */
function isTime(text: string): boolean {
  return text.length >= 19 && text[4] === '-' && text[7] === '-' && text[10] === ' ' && text[13] === ':';
}

function padded(time: string): string {
  return time.length === 19 ? `${time}.000000` : time.padEnd(26, '0');
}
