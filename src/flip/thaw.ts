import type { EffectRun } from '../driver/handlers.ts';
import type { Estate } from '../estate/estate.ts';

/** Time between two looks at a freeze that stands (milliseconds). */
const lookEveryMs = 1_000;

/** Resolves when nothing is frozen; meanwhile the status says who froze, and why. */
export async function untilThawed(
  { store, clock }: Pick<Estate, 'store' | 'clock'>,
  run: Pick<EffectRun, 'waitsFor' | 'signal'>,
): Promise<void> {
  for (let freeze = await store.frozen(); freeze !== null; freeze = await store.frozen()) {
    run.waitsFor(`the freeze by ${freeze.actor} to be lifted: ${freeze.reason}`);
    await clock.sleep(lookEveryMs, run.signal);
  }
  run.waitsFor(null);
}
