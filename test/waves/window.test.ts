import { describe, expect, test } from 'vitest';
import { isTimeZone, lookAt, type TimeWindow, weekdays } from '../../src/waves/window.ts';

const everyDay = [...weekdays];
const at = (text: string) => Date.parse(text);
const london = (from: string, to: string, more: Partial<TimeWindow> = {}): TimeWindow => ({
  timeZone: 'Europe/London',
  times: [{ days: everyDay, from, to }],
  ...more,
});

describe('a window', () => {
  test('is open from its beginning until just before its end', () => {
    const window = london('01:00', '04:00');
    expect(lookAt(window, at('2026-01-10T00:59:59.999Z'))).toEqual({ open: false, opensMs: at('2026-01-10T01:00Z') });
    expect(lookAt(window, at('2026-01-10T01:00Z'))).toEqual({ open: true, closesMs: at('2026-01-10T04:00Z') });
    expect(lookAt(window, at('2026-01-10T03:59:59.999Z')).open).toBe(true);
    expect(lookAt(window, at('2026-01-10T04:00Z'))).toEqual({ open: false, opensMs: at('2026-01-11T01:00Z') });
  });

  test('reaches into the next day where it ends before it begins', () => {
    const window = london('22:00', '02:00', { times: [{ days: ['fri'], from: '22:00', to: '02:00' }] });
    // A Friday, and the Saturday behind it.
    expect(lookAt(window, at('2026-01-09T23:00Z'))).toEqual({ open: true, closesMs: at('2026-01-10T02:00Z') });
    expect(lookAt(window, at('2026-01-10T01:59Z')).open).toBe(true);
    expect(lookAt(window, at('2026-01-10T02:00Z'))).toEqual({ open: false, opensMs: at('2026-01-16T22:00Z') });
  });

  test('reads the wall clock of its time zone, in summer too', () => {
    const window = london('01:00', '04:00');
    expect(lookAt(window, at('2026-07-10T00:30Z'))).toEqual({ open: true, closesMs: at('2026-07-10T03:00Z') });
    const newYork = { ...window, timeZone: 'America/New_York' };
    expect(lookAt(newYork, at('2026-01-10T06:30Z')).open).toBe(true);
    expect(lookAt(newYork, at('2026-01-10T01:30Z'))).toEqual({ open: false, opensMs: at('2026-01-10T06:00Z') });
  });

  test('is as long as the night really is when the clocks change', () => {
    const night = london('00:00', '06:00');
    const closes = (text: string) => {
      const look = lookAt(night, at(text));
      return look.open ? look.closesMs - at(text) : null;
    };
    const hours = 3_600_000;
    // Forward on 29 March, back on 25 October.
    expect(closes('2026-03-29T00:00Z')).toBe(5 * hours);
    expect(closes('2026-10-24T23:00Z')).toBe(7 * hours);
    // An hour that does not exist moves behind the gap; it is not lost.
    const inTheGap = london('01:15', '01:45');
    expect(lookAt(inTheGap, at('2026-03-29T00:00Z'))).toEqual({ open: false, opensMs: at('2026-03-29T01:15Z') });
  });

  test('whose hour the clocks skip opens a week later', () => {
    const sunday = { timeZone: 'Europe/London', times: [{ days: ['sun'] as const, from: '01:00', to: '02:00' }] };
    expect(lookAt(sunday, at('2026-03-25T12:00Z'))).toEqual({ open: false, opensMs: at('2026-04-05T00:00Z') });
  });

  test('opens on its days only, between its first and its last', () => {
    const window = london('09:00', '24:00', { firstDay: '2026-01-05', lastDay: '2026-01-06' });
    expect(lookAt(window, at('2025-06-01T12:00Z'))).toEqual({ open: false, opensMs: at('2026-01-05T09:00Z') });
    expect(lookAt(window, at('2026-01-06T23:59Z'))).toEqual({ open: true, closesMs: at('2026-01-07T00:00Z') });
    expect(lookAt(window, at('2026-01-07T00:00Z'))).toEqual({ open: false, opensMs: null });
  });

  test.each([
    ['of no length', london('10:00', '10:00')],
    [
      'whose days are not in its dates',
      london('10:00', '11:00', {
        times: [{ days: ['sun'], from: '10:00', to: '11:00' }],
        firstDay: '2026-01-05',
        lastDay: '2026-01-09',
      }),
    ],
    [
      'whose last day comes before its first',
      london('10:00', '11:00', { firstDay: '2026-02-01', lastDay: '2026-01-01' }),
    ],
    ['that is over', london('10:00', '11:00', { lastDay: '2025-12-31' })],
  ])('%s never opens', (_what, window) => {
    expect(lookAt(window, at('2026-01-01T00:00Z'))).toEqual({ open: false, opensMs: null });
  });
});

test('time zones are those that the database has', () => {
  for (const name of ['Europe/London', 'America/New_York', 'UTC', 'Asia/Kolkata']) expect(isTimeZone(name)).toBe(true);
  for (const name of ['Europe/Atlantis', '+01:00', 'London', '', 'Mars/Base']) expect(isTimeZone(name)).toBe(false);
});
