const secondMs = 1_000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

const none = '–';

/** A duration in the unit that fits: `51 ms`, `1.4 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return none;
  if (ms < 0) return `−${duration(-ms)}`;
  if (ms < 100) return `${ms < 10 && !Number.isInteger(ms) ? ms.toFixed(1) : Math.round(ms)} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 10 * secondMs - 50) return `${trim((ms / secondMs).toFixed(1))} s`;
  if (ms < minuteMs - 500) return `${Math.round(ms / secondMs)} s`;
  if (ms < hourMs - 500) return two(ms, minuteMs, 'min', secondMs, 's');
  if (ms < dayMs - minuteMs / 2) return two(ms, hourMs, 'h', minuteMs, 'min');
  return two(ms, dayMs, 'd', hourMs, 'h');
}

function two(ms: number, large: number, largeName: string, small: number, smallName: string): string {
  const all = Math.round(ms / small);
  const per = large / small;
  const rest = all % per;
  const whole = `${Math.floor(all / per)} ${largeName}`;
  return rest === 0 ? whole : `${whole} ${rest} ${smallName}`;
}

const trim = (text: string) => text.replace(/\.0$/, '');

/** How long ago, for people: nothing below a second matters. */
export function ago(iso: string, nowMs: number): string {
  const ms = nowMs - Date.parse(iso);
  return ms < secondMs ? 'just now' : `${duration(Math.floor(ms / secondMs) * secondMs)} ago`;
}

export function count(value: number | null | undefined): string {
  return value === null || value === undefined ? none : value.toLocaleString('en-GB');
}

export function percent(value: number): string {
  return `${value >= 99.95 || value === 0 ? Math.round(value) : value.toFixed(1)} %`;
}

const pad = (value: number, digits = 2) => String(value).padStart(digits, '0');

/** A moment on the reader's clock: `14:03:09`, with the day where it is another one. */
export function clock(iso: string, nowMs: number, withMs = false): string {
  const at = new Date(iso);
  const time = `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
  const exact = withMs ? `${time}.${pad(at.getMilliseconds(), 3)}` : time;
  if (at.toDateString() === new Date(nowMs).toDateString()) return exact;
  return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())} ${exact}`;
}

/** `replicating.fullLoad` → `Replicating · full load` */
export function stateText(state: string): string {
  const words = (name: string) => name.replace(/([A-Z])/g, (letter) => ` ${letter.toLowerCase()}`);
  const [phase = '', ...steps] = state.split('.');
  const first = words(phase);
  return [first.charAt(0).toUpperCase() + first.slice(1), ...steps.map(words)].join(' · ');
}

/** A value of a reason's details or a policy, in one line. */
export function valueText(name: string, value: unknown): string {
  if (value === null || value === undefined) return none;
  if (typeof value === 'number') return /Ms$/.test(name) ? duration(value) : count(value);
  if (Array.isArray(value)) return value.length === 0 ? none : value.map((each) => valueText(name, each)).join(', ');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
