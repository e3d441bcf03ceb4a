import type { EffectRun } from '../driver/handlers.ts';
import { DrainTimeoutError } from '../errors/index.ts';
import type { Estate } from '../estate/estate.ts';
import { budgetLeftMs, type FlipAttempt, placesOf } from './attempt.ts';

/** Share of the budget that a drain may use: the steps behind it need the rest. */
const drainShare = 0.6;
/**
 * Time between two looks at the proxies' sessions, the first and the longest (milliseconds): most statements end at once,
 * and who does not is not hurried by asking busy proxies more often.
 */
const lookFirstMs = 1;
const lookLongestMs = 10;

/**
 * Waits until, seen from every proxy, no session of the org has anything but a plain read on the serving side, and no
 * XA transaction is prepared there. At this point we know: through the proxies nothing of the org is under way.
 */
export async function drain(estate: Estate, attempt: FlipAttempt, run: EffectRun): Promise<void> {
  const limitMs = attempt.budgetMs * (1 - drainShare);
  for (let lookMs = lookFirstMs; ; lookMs = Math.min(lookLongestMs, lookMs + 1)) {
    const blocking = await blockingNow(estate, attempt, run.signal);
    if (blocking.length === 0) return;
    if (budgetLeftMs(attempt, estate.clock.monotonicMs()) < limitMs) {
      throw new DrainTimeoutError(attempt.owner.orgId, blocking);
    }
    await estate.clock.sleep(lookMs, run.signal);
  }
}

/** Looks once more, when the fence has closed. Throws `DrainTimeoutError`. */
export async function assertStillDrained(estate: Estate, attempt: FlipAttempt, signal: AbortSignal): Promise<void> {
  const blocking = await blockingNow(estate, attempt, signal);
  if (blocking.length > 0) throw new DrainTimeoutError(attempt.owner.orgId, blocking);
}

/** Everything that is not at rest now: sessions at the proxies, prepared XA transactions at the serving places. */
async function blockingNow(estate: Estate, attempt: FlipAttempt, signal: AbortSignal): Promise<readonly unknown[]> {
  const { from } = placesOf(estate, attempt.direction, attempt.owner.homeRegion);
  const [sessions, prepared] = await Promise.all([
    Promise.all(
      estate.routing.proxies.map(async (proxy) => {
        const before = attempt.openSinceHold.get(proxy.name) ?? null;
        const look = await proxy.blockingSessions(attempt.owner, attempt.serving, before, signal);
        attempt.openSinceHold.set(proxy.name, look.openSinceHold);
        return look.blocking;
      }),
    ),
    Promise.all(
      from.map(async (place) =>
        (await place.preparedXa(signal)).map((xid) => ({ place: place.name, because: 'xa', xid })),
      ),
    ),
  ]);
  return [...sessions.flat(), ...prepared.flat()];
}
