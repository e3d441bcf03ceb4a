import type { EffectRun } from '../driver/handlers.ts';
import type { Estate } from '../estate/estate.ts';
import type { FlipAttempt } from './attempt.ts';
import { setRoutes } from './setRoutes.ts';

/**
 * On every proxy at once: the org's writes go to a fresh, empty hostgroup and wait there; plain reads go on. A proxy
 * that does not acknowledge aborts the attempt. At this point we know: no new write of the org reaches the serving
 * side through any proxy.
 */
export async function hold(estate: Estate, attempt: FlipAttempt, run: EffectRun): Promise<void> {
  attempt.heldAtMs = estate.clock.monotonicMs();
  await setRoutes(
    estate,
    attempt,
    'hold',
    { kind: 'held', serving: attempt.serving, holdHostgroup: attempt.holdHostgroup },
    run.signal,
  );
}
