import type { EffectRun } from '../driver/handlers.ts';
import type { Estate } from '../estate/estate.ts';

/** Time between two looks whether a heartbeat has arrived (milliseconds). */
const lookEveryMs = 100;

/** Waits until everything that the leading side has now has arrived at the other. */
export async function arrival(
  estate: Estate,
  { migration }: EffectRun,
  signal: AbortSignal,
  whileWaiting: () => Promise<void>,
): Promise<void> {
  const sinceMs = estate.clock.monotonicMs();
  while (!estate.heartbeats.arrivedSince(migration.orgId, sinceMs)) {
    await whileWaiting();
    await estate.clock.sleep(lookEveryMs, signal);
  }
}
