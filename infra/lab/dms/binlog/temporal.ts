/** Binary log encodings of dates and times, as the text the servers print. Everything is UTC. */

const two = (value: number): string => (value < 10 ? `0${value}` : String(value));
const four = (value: number): string => String(value).padStart(4, '0');

function fraction(micros: number, digits: number): string {
  return digits === 0 ? '' : `.${String(micros).padStart(6, '0').slice(0, digits)}`;
}

/** Microseconds from the 0 to 3 bytes behind a temporal value. */
function readMicros(bytes: Buffer, at: number, digits: number): number {
  const length = (digits + 1) >> 1;
  if (length === 0) return 0;
  return bytes.readUIntBE(at, length) * (length === 1 ? 10_000 : length === 2 ? 100 : 1);
}

export function decodeDate(bytes: Buffer, at: number): string {
  const packed = bytes.readUIntLE(at, 3);
  return `${four(packed >> 9)}-${two((packed >> 5) & 15)}-${two(packed & 31)}`;
}

export function decodeDatetime2(bytes: Buffer, at: number, digits: number): string {
  const packed = bytes.readUIntBE(at, 5) - 0x8000000000;
  const yearMonth = Math.floor(packed / 2 ** 22);
  const rest = packed % 2 ** 22;
  const date = `${four(Math.floor(yearMonth / 13))}-${two(yearMonth % 13)}-${two(rest >> 17)}`;
  const time = `${two((rest >> 12) & 31)}:${two((rest >> 6) & 63)}:${two(rest & 63)}`;
  return `${date} ${time}${fraction(readMicros(bytes, at + 5, digits), digits)}`;
}

export function decodeTimestamp2(bytes: Buffer, at: number, digits: number): string {
  return formatTimestamp(bytes.readUInt32BE(at), readMicros(bytes, at + 4, digits), digits);
}

/** Seconds since 1970 as text; zero is the zero date. */
export function formatTimestamp(seconds: number, micros: number, digits: number): string {
  if (seconds === 0 && micros === 0) return `0000-00-00 00:00:00${fraction(0, digits)}`;
  const iso = new Date(seconds * 1000).toISOString();
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)}${fraction(micros, digits)}`;
}

/** TIME, stored with an offset so that negative values sort first; their fraction counts downwards. */
export function decodeTime2(bytes: Buffer, at: number, digits: number): string {
  const length = (digits + 1) >> 1;
  let whole = bytes.readUIntBE(at, 3) - 0x800000;
  let part = length === 0 ? 0 : bytes.readUIntBE(at + 3, length);
  if (whole < 0 && part > 0) {
    whole += 1;
    part -= 256 ** length;
  }
  const micros = Math.abs(part) * (length === 1 ? 10_000 : length === 2 ? 100 : 1);
  const negative = whole < 0 || part < 0;
  const size = Math.abs(whole);
  const time = `${two((size >> 12) & 0x3ff)}:${two((size >> 6) & 63)}:${two(size & 63)}`;
  return `${negative ? '-' : ''}${time}${fraction(micros, digits)}`;
}

/** DATETIME of before 5.6: the decimal number YYYYMMDDhhmmss. */
export function decodeOldDatetime(bytes: Buffer, at: number): string {
  const text = bytes.readBigUInt64LE(at).toString().padStart(14, '0');
  return `${text.slice(0, 4)}-${text.slice(4, 6)}-${text.slice(6, 8)} ${text.slice(8, 10)}:${text.slice(10, 12)}:${text.slice(12, 14)}`;
}

/** TIME of before 5.6: the signed decimal number hhmmss. */
export function decodeOldTime(bytes: Buffer, at: number): string {
  const packed = bytes.readIntLE(at, 3);
  const size = Math.abs(packed);
  const time = `${two(Math.floor(size / 10_000))}:${two(Math.floor(size / 100) % 100)}:${two(size % 100)}`;
  return packed < 0 ? `-${time}` : time;
}

/** A date or time inside a JSON document: one 64-bit number. */
export function decodePackedTemporal(packed: bigint, kind: 'date' | 'time' | 'datetime'): string {
  const size = packed < 0n ? -packed : packed;
  const micros = String(size & 0xffffffn).padStart(6, '0');
  const whole = Number(size >> 24n);
  const clock = (rest: number): string => `${two((rest >> 6) & 63)}:${two(rest & 63)}.${micros}`;
  if (kind === 'time') return `${packed < 0n ? '-' : ''}${two((whole >> 12) & 0x3ff)}:${clock(whole)}`;
  const yearMonth = Math.floor(whole / 2 ** 22);
  const rest = whole % 2 ** 22;
  const date = `${four(Math.floor(yearMonth / 13))}-${two(yearMonth % 13)}-${two(rest >> 17)}`;
  return kind === 'date' ? date : `${date} ${two((rest >> 12) & 31)}:${clock(rest)}`;
}
