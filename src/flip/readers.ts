import type { EffectRun } from '../driver/handlers.ts';
import { CutoverError, FlipNotReadyError } from '../errors/index.ts';
import type { Estate } from '../estate/estate.ts';
import type { Heartbeat, PlaceReader } from '../ports/place.ts';
import { type FlipAttempt, placesOf } from './attempt.ts';

/** Time between two looks at a reader before the hold (milliseconds). */
const lookEveryMs = 20;

/**
 * Servers beside the writers that will answer the org's reads after the release: the reader hostgroup's of the side that
 * will serve, as every proxy has them now. Discovery may have changed them since the last look.
 */
export async function readersOf(
  estate: Estate,
  { direction, next, owner }: FlipAttempt,
  signal: AbortSignal,
): Promise<readonly PlaceReader[]> {
  const { to } = placesOf(estate, direction, owner.homeRegion);
  const found = new Map<string, PlaceReader>();
  await Promise.all(
    estate.routing.proxies.map(async (proxy) => {
      for (const address of await proxy.readers(next, owner.homeRegion, signal)) {
        // The markers are looked for at the places themselves anyway.
        if (to.some((place) => place.isAt(address))) continue;
        const reader = to[0]?.reader(address);
        if (reader !== undefined) found.set(reader.name, reader);
      }
    }),
  );
  return [...found.values()];
}

/**
 * Before the hold every reader has to answer, and to show within the flip's budget what the place that it belongs to
 * shows now: one that stands still would only hold the org for nothing.
 */
export async function assertReadersFollow(estate: Estate, attempt: FlipAttempt, run: EffectRun): Promise<void> {
  const readers = await readersOf(estate, attempt, run.signal);
  if (readers.length === 0) return;
  const { orgId, homeRegion } = attempt.owner;
  const { from, to } = placesOf(estate, attempt.direction, homeRegion);
  const wanted = (await to[0]?.readHeartbeats([orgId], run.signal))?.get(orgId) ?? [];
  const deadlineMs = estate.clock.monotonicMs() + attempt.budgetMs;
  await Promise.all(
    readers.map(async (reader) => {
      for (;;) {
        const shown = await heartbeatsAt(reader, orgId, run.signal);
        const behind = from.filter(({ name }) => seqOf(shown, name) < seqOf(wanted, name));
        if (behind.length === 0) return;
        if (estate.clock.monotonicMs() >= deadlineMs) {
          throw new FlipNotReadyError(`${reader.name} does not follow: heartbeats are missing there`, {
            details: { reader: reader.name, missing: behind.map(({ name }) => name) },
          });
        }
        await estate.clock.sleep(lookEveryMs, run.signal);
      }
    }),
  );
}

async function heartbeatsAt(reader: PlaceReader, orgId: number, signal: AbortSignal): Promise<readonly Heartbeat[]> {
  try {
    return (await reader.readHeartbeats([orgId], signal)).get(orgId) ?? [];
  } catch (cause) {
    if (!(cause instanceof CutoverError)) throw cause;
    throw new FlipNotReadyError(`${reader.name} does not answer: ${cause.message}`, {
      cause,
      details: { reader: reader.name },
    });
  }
}

function seqOf(heartbeats: readonly Heartbeat[], site: string): number {
  return heartbeats.find((beat) => beat.site === site)?.seq ?? 0;
}
