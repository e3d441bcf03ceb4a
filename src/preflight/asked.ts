import { CutoverError, isTransient } from '../errors/index.ts';
import type { Clock } from '../ports/clock.ts';
import type { Finding } from '../ports/finding.ts';
import { findingFrom } from './finding.ts';

/** How often a question is put, and the time between two tries (milliseconds). */
const triesAtMost = 3;
const againMs = 500;
/** Who was slow to fail is not asked again (milliseconds): the operator waits for all answers. */
const longestMs = 5_000;

/**
 * Puts one question of preflight. A place that is busy for a moment refuses nobody: what may pass is asked again. What
 * cannot be asked is a finding itself; what is no error of ours is thrown.
 */
export async function asked(
  clock: Pick<Clock, 'sleep' | 'monotonicMs'>,
  question: () => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  const startedAtMs = clock.monotonicMs();
  for (let tries = 1; ; tries++) {
    try {
      return await question();
    } catch (error) {
      if (!(error instanceof CutoverError)) throw error;
      const tookMs = clock.monotonicMs() - startedAtMs;
      if (tries >= triesAtMost || tookMs > longestMs || !isTransient(error)) return [findingFrom(error)];
      await clock.sleep(againMs);
    }
  }
}
