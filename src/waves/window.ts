/** Days of the week as the configuration of a window names them, Monday first as ISO 8601 counts them. */
export const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export type Weekday = (typeof weekdays)[number];

/** Times of a window on one or more days. Where `to` is not later than `from`, it is a time of the next day. */
export interface WindowTime {
  /** On which it begins. */
  readonly days: readonly Weekday[];
  /** `22:00`, in the window's time zone. */
  readonly from: string;
  /** The same; `24:00` is the end of the day. */
  readonly to: string;
}

/** When something may begin. */
export interface TimeWindow {
  /** Name from the IANA time zone database. */
  readonly timeZone: string;
  readonly times: readonly WindowTime[];
  /** First and last day on which it may begin, `2026-12-01`; without them it comes back for ever. */
  readonly firstDay?: string | undefined;
  readonly lastDay?: string | undefined;
}

/** A window at a moment (epoch milliseconds). */
export type WindowLook =
  | { readonly open: true; readonly closesMs: number }
  /** `opensMs` is null where it never opens any more. */
  | { readonly open: false; readonly opensMs: number | null };

/** Every day of the week comes twice within so many days: the clocks may skip what would begin on the first. */
const daysAhead = 15;

/** True for a name that the time zone database has; offsets such as `+01:00` have no daylight saving and are none. */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    Temporal.Now.zonedDateTimeISO(name);
    return true;
  } catch {
    return false;
  }
}

/** Whether the window is open at a moment, and until or from when. Reads wall clocks as its time zone has them that day. */
export function lookAt(window: TimeWindow, nowMs: number): WindowLook {
  const { timeZone, firstDay, lastDay } = window;
  const today = Temporal.Instant.fromEpochMilliseconds(nowMs).toZonedDateTimeISO(timeZone).toPlainDate();
  // Yesterday's may reach into today.
  const yesterday = today.subtract({ days: 1 });
  const first = firstDay === undefined ? yesterday : later(yesterday, Temporal.PlainDate.from(firstDay));
  const last = lastDay === undefined ? null : Temporal.PlainDate.from(lastDay);
  let opensMs: number | null = null;
  for (let ahead = 0; ahead <= daysAhead; ahead++) {
    const day = first.add({ days: ahead });
    if (last !== null && Temporal.PlainDate.compare(day, last) > 0) break;
    for (const { fromMs, toMs } of beginningOn(window, day)) {
      if (fromMs <= nowMs && nowMs < toMs) return { open: true, closesMs: toMs };
      if (fromMs > nowMs) opensMs = Math.min(opensMs ?? fromMs, fromMs);
    }
    if (opensMs !== null) break;
  }
  return { open: false, opensMs };
}

function later(one: Temporal.PlainDate, other: Temporal.PlainDate): Temporal.PlainDate {
  return Temporal.PlainDate.compare(one, other) >= 0 ? one : other;
}

/** What begins on a day, as moments: an hour that the clocks skip or repeat is as long as it really is. */
function beginningOn({ timeZone, times }: TimeWindow, day: Temporal.PlainDate): { fromMs: number; toMs: number }[] {
  const weekday = weekdays[day.dayOfWeek - 1];
  const at = (date: Temporal.PlainDate, time: string) =>
    date.toZonedDateTime({ timeZone, plainTime: Temporal.PlainTime.from(time) }).epochMilliseconds;
  return times
    .filter(({ days, from, to }) => from !== to && weekday !== undefined && days.includes(weekday))
    .map(({ from, to }) => {
      const next = day.add({ days: 1 });
      const toMs = to === '24:00' ? at(next, '00:00') : to > from ? at(day, to) : at(next, to);
      return { fromMs: at(day, from), toMs };
    })
    .filter(({ fromMs, toMs }) => fromMs < toMs);
}
