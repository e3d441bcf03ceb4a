import { setTimeout as sleep } from 'node:timers/promises';
import { LabDatabaseError } from './errors.ts';

/**
 * Asks `probe` again and again until it gives something other than `undefined` or `false`, and returns that.
 * An error of the probe ends the wait at once: a probe that may fail meanwhile catches its own.
 *
 * @param what named in the error when the time is over, as in "replication running at lon1"
 */
export async function pollUntil<T>(
  what: string,
  probe: () => Promise<T | undefined | false>,
  { timeoutMs = 180_000, everyMs = 25 }: { timeoutMs?: number; everyMs?: number } = {},
): Promise<T> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    const result = await probe();
    if (result !== undefined && result !== false) return result;
    if (performance.now() > deadlineMs) {
      throw new LabDatabaseError(
        'LAB_CONDITION_NOT_REACHED',
        `waited ${timeoutMs} ms in vain for ${what}`,
        'look into error.log in the folder of the server concerned',
      );
    }
    await sleep(everyMs);
  }
}
