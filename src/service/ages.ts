/** How fine an age is told: to the second below a minute, to the minute below an hour, else to the hour (milliseconds). */
function grainMs(ageMs: number): number {
  if (ageMs < 60_000) return 1_000;
  return ageMs < 3_600_000 ? 60_000 : 3_600_000;
}

/** How long ago something was, and when that will have to be told anew: an answer can be kept until then. */
export function toldAge(sinceMs: number, nowMs: number): { readonly ageMs: number; readonly untilMs: number } {
  const exactMs = Math.max(0, nowMs - sinceMs);
  const grain = grainMs(exactMs);
  const ageMs = Math.floor(exactMs / grain) * grain;
  return { ageMs, untilMs: Math.max(sinceMs, nowMs - exactMs) + ageMs + grain };
}
