import type { EffectRun } from '../driver/handlers.ts';
import { MarkerTimeoutError } from '../errors/index.ts';
import type { Estate } from '../estate/estate.ts';
import type { Heartbeat, Marker, Place, PlaceReader } from '../ports/place.ts';
import { budgetLeftMs, type FlipAttempt, placesOf } from './attempt.ts';
import { assertStillDrained } from './drain.ts';
import { readersOf } from './readers.ts';

/** Share of the budget that has to be left when the markers have arrived. */
const reserveShare = 0.1;
/** Time between two looks for the markers, the first and the longest (milliseconds): a slow path is not hurried by asking. */
const lookFirstMs = 1;
const lookLongestMs = 5;

/**
 * Writes one marker at every serving place, each into its own GTID domain, and waits until all of them are seen at
 * every place that will serve, and by each reader that will answer its reads; meanwhile looks at the drain once more: it costs the pause nothing. At this point we know: the other side has
 * everything that was ever acknowledged.
 */
export async function marker(estate: Estate, attempt: FlipAttempt, run: EffectRun): Promise<void> {
  const { from, to } = placesOf(estate, attempt.direction, attempt.owner.homeRegion);
  const written: Marker = { epoch: attempt.owner.epoch, attempt: attempt.owner.attempt, nonce: estate.ids.uuid() };
  await Promise.all([markThrough(), assertStillDrained(estate, attempt, run.signal)]);

  async function markThrough(): Promise<void> {
    await Promise.all(from.map((place) => place.writeMarker(attempt.owner.orgId, written, run.signal)));
    const seenAt = (place: PlaceReader) => untilSeen(estate, attempt, place, from, written, run.signal);
    // The readers are asked for while the markers travel: a proxy may have found another one since the hold began.
    const seenByReaders = readersOf(estate, attempt, run.signal).then((readers) => Promise.all(readers.map(seenAt)));
    await Promise.all([...to.map(seenAt), seenByReaders]);
  }
}

async function untilSeen(
  estate: Estate,
  attempt: FlipAttempt,
  place: PlaceReader,
  from: readonly Place[],
  written: Marker,
  signal: AbortSignal,
): Promise<void> {
  const { orgId } = attempt.owner;
  for (let lookMs = lookFirstMs; ; lookMs = Math.min(lookLongestMs, lookMs + 0.1)) {
    const heartbeats = (await place.readHeartbeats([orgId], signal)).get(orgId) ?? [];
    const missing = from.filter(({ name }) => !heartbeats.some((beat) => beat.site === name && carries(beat, written)));
    if (missing.length === 0) return;
    if (budgetLeftMs(attempt, estate.clock.monotonicMs()) < attempt.budgetMs * reserveShare) {
      throw new MarkerTimeoutError(
        orgId,
        missing.map(({ name }) => `${name} at ${place.name}`),
      );
    }
    await estate.clock.sleep(lookMs, signal);
  }
}

/** Equality in all three parts: an older attempt's marker, or another owner's, proves nothing. */
function carries(beat: Heartbeat, written: Marker): boolean {
  return (
    beat.marker !== null &&
    beat.marker.epoch === written.epoch &&
    beat.marker.attempt === written.attempt &&
    beat.marker.nonce === written.nonce
  );
}
