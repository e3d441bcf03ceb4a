import type { EffectRun } from '../driver/handlers.ts';
import { CutoverError, messageOf, OwnershipLostError, StaleEpochError } from '../errors/index.ts';
import type { Estate } from '../estate/estate.ts';

/** Time between two tries of something that has to succeed in the end (milliseconds). */
const tryEveryMs = 200;

/** For what cannot be given up: tried until it succeeds, shown while it does not. Only a newer owner ends it. */
export async function untilDone<T>(estate: Estate, run: EffectRun, what: string, work: () => Promise<T>): Promise<T> {
  for (let tried = 0; ; tried++) {
    try {
      return await work();
    } catch (error) {
      if (run.signal.aborted || error instanceof StaleEpochError || error instanceof OwnershipLostError) throw error;
      if (!(error instanceof CutoverError)) throw error;
      if (tried === 0) run.note(`${what} is retried: ${messageOf(error)}`);
      run.waitsFor(`${what}: ${messageOf(error)}`);
      await estate.clock.sleep(tryEveryMs, run.signal);
    }
  }
}
