import { sqlErrors } from '../sqlError.ts';

/** Moments as SQL writes them, and back: in microseconds, exact enough for this century. */

export function timeText(microseconds: number, digits: number): string {
  const iso = new Date(Math.floor(microseconds / 1_000)).toISOString();
  const seconds = `${iso.slice(0, 10)} ${iso.slice(11, 19)}`;
  if (digits === 0) return seconds;
  const fraction = String(Math.floor(microseconds) % 1_000_000).padStart(6, '0');
  return `${seconds}.${fraction.slice(0, digits)}`;
}

export function microsecondsOf(text: string): number {
  const match = /^(\d{4})-(\d\d)-(\d\d)(?: (\d\d):(\d\d):(\d\d)(?:\.(\d+))?)?/.exec(text);
  if (match === null) throw sqlErrors.truncated(text);
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = ''] = match;
  const ms = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
  return ms * 1_000 + Number(fraction.padEnd(6, '0').slice(0, 6));
}

const UNITS: Readonly<Record<string, number>> = {
  MICROSECOND: 1,
  SECOND: 1_000_000,
  MINUTE: 60_000_000,
  HOUR: 3_600_000_000,
  DAY: 86_400_000_000,
};

/** Microseconds of a unit of INTERVAL or TIMESTAMPDIFF. */
export function unitOf(name: string): number {
  const unit = UNITS[name];
  if (unit === undefined) throw sqlErrors.truncated(name);
  return unit;
}
