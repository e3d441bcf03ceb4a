/** A time that passes: the machine's, or a simulated one. */
export interface PassingTime {
  /** Monotonic milliseconds. */
  nowMs(): number;
  sleep(ms: number): Promise<void>;
}

/** Asks again and again until there is an answer; throws where none comes in time. */
export async function waitUntil<T>(
  time: PassingTime,
  what: string,
  ask: () => Promise<T | undefined | false>,
  { timeoutMs = 60_000, everyMs = 10 }: { readonly timeoutMs?: number; readonly everyMs?: number } = {},
): Promise<T> {
  const deadlineMs = time.nowMs() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (time.nowMs() > deadlineMs) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`);
    await time.sleep(everyMs);
  }
}
