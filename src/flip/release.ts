import type { EffectRun } from '../driver/handlers.ts';
import type { Estate } from '../estate/estate.ts';
import type { RouteState } from '../ports/routing.ts';
import { type FlipAttempt, placesOf } from './attempt.ts';
import { openFences } from './openFences.ts';
import type { RouteKeeper } from './routeKeeper.ts';

/** Longest wait for the fence that nobody writes through (milliseconds). */
const openTimeoutMs = 2_000;

/**
 * Behind the commit point there is only forward: the next side's fence opens to clients, then every proxy sends the
 * org's queries there and lets through what waits.
 */
export async function release(
  estate: Estate,
  attempt: FlipAttempt,
  keeper: RouteKeeper,
  run: EffectRun,
): Promise<void> {
  const { orgId, epoch, homeRegion } = attempt.owner;
  const { to } = placesOf(estate, attempt.direction, homeRegion);
  const open = () => Promise.all(to.map((place) => place.setFence(orgId, 'clients', epoch, openTimeoutMs, run.signal)));
  await openFences(estate, attempt, run, `the fence at ${to.map(({ name }) => name).join(', ')}`, open, async () => {
    const brought = await keeper.bring(
      {
        migrationId: attempt.migrationId,
        owner: attempt.owner,
        step: 'release',
        side: attempt.next,
        holdHostgroup: attempt.holdHostgroup,
        left: parkedBy(attempt),
      },
      run.ownership,
    );
    attempt.releasedAtMs = brought.atMs;
    if (brought.stragglers.length > 0)
      run.note(`still held at ${brought.stragglers.join(', ')}: retried until it answers`);
  });
}

/** The routes that `park` left at the proxies; none where another owner parked them. */
function parkedBy({ owner, serving, holdHostgroup, comments, parkedAtMs }: FlipAttempt): Map<string, RouteState> {
  if (parkedAtMs === null) return new Map();
  const route = { kind: 'parked', serving, holdHostgroup } as const;
  const { epoch, attempt } = owner;
  return new Map([...comments].map(([proxy, comment]) => [proxy, { comment, route, epoch, attempt }]));
}
