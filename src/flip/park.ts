import type { EffectRun } from '../driver/handlers.ts';
import type { Estate } from '../estate/estate.ts';
import type { FlipAttempt } from './attempt.ts';
import { setRoutes } from './setRoutes.ts';

/**
 * Reads wait too, on every proxy, only for the instant that follows. At this point we know: nobody can read the old
 * side after somebody wrote the new one, also not through a proxy that goes silent now.
 */
export async function park(estate: Estate, attempt: FlipAttempt, run: EffectRun): Promise<void> {
  attempt.parkedAtMs = estate.clock.monotonicMs();
  await setRoutes(
    estate,
    attempt,
    'park',
    { kind: 'parked', serving: attempt.serving, holdHostgroup: attempt.holdHostgroup },
    run.signal,
  );
}
