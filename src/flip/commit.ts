import type { EffectRun } from '../driver/handlers.ts';
import { isTransient } from '../errors/index.ts';
import type { Estate } from '../estate/estate.ts';
import type { FlipAttempt } from './attempt.ts';

/** Time between two questions for a decision whose answer was lost (milliseconds). */
const askAgainMs = 100;

/** No fleet has this revision. */
const neverPrepared = -1;

/**
 * The commit point: one compare-and-set from empty. Once it was sent, only the store knows; the org stays held until
 * the answer has been read, and asking again is the same compare-and-set, which then finds what stands.
 */
export async function commit(estate: Estate, attempt: FlipAttempt, run: EffectRun): Promise<'commit' | 'abort'> {
  attempt.commitSent = true;
  for (;;) {
    try {
      return await estate.store.decide({
        migrationId: attempt.migrationId,
        attempt: attempt.owner.attempt,
        epoch: attempt.owner.epoch,
        decision: 'commit',
        pinned: attempt.pinned,
        fleetRevision: attempt.fleetRevision ?? neverPrepared,
      });
    } catch (error) {
      if (!isTransient(error)) throw error;
      run.waitsFor('the store: the decision of the attempt has to be read');
      run.note('the answer to the commit was lost; the org stays held until the decision has been read');
      await estate.clock.sleep(askAgainMs, run.signal);
    }
  }
}

/** What a new owner does first: nothing decided means abort, for ever. */
export async function decide(estate: Estate, attempt: FlipAttempt, run: EffectRun): Promise<'commit' | 'abort'> {
  for (;;) {
    try {
      return await estate.store.decide({
        migrationId: attempt.migrationId,
        attempt: attempt.owner.attempt,
        epoch: attempt.owner.epoch,
        decision: 'abort',
        pinned: null,
      });
    } catch (error) {
      if (!isTransient(error)) throw error;
      run.waitsFor('the store: the decision of the attempt has to be read');
      await estate.clock.sleep(askAgainMs, run.signal);
    }
  }
}
