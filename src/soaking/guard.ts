import type { EffectRun } from '../driver/handlers.ts';
import { type Logger, runLog } from '../driver/logger.ts';
import { type GuardCode, GuardTrippedError } from '../errors/index.ts';
import type { Clock } from '../ports/clock.ts';
import { Breach } from './breach.ts';

/** What a guard saw: whether it is a breach, and the figure or the words that say so. */
export interface Look {
  readonly breach: boolean;
  readonly value: number | string;
}

/** Something that is watched while the cluster serves the org. */
export interface Guard {
  readonly code: GuardCode;
  /** What a breach that lasts does. */
  readonly action: 'rollback' | 'alert';
  /** How long a breach has to last (milliseconds). */
  readonly forMs: number;
  /** Time between two looks (milliseconds). */
  readonly everyMs: number;
  /** Looks once; null where there is no sample, which is neither breach nor health. */
  look(): Promise<Look | null>;
  /** The sentence for the timeline about the sample that decided. */
  says(value: Look['value']): string;
}

/**
 * The guard of something that a person knows to be broken, and stays with: it only alerts, until it has been well once.
 */
export function knownBroken(guard: Guard): Guard {
  let well = false;
  return {
    ...guard,
    get action() {
      return well ? guard.action : 'alert';
    },
    async look() {
      const look = await guard.look();
      if (look?.breach === false) well = true;
      return look;
    },
  };
}

/** Longest time between two samples that still counts into a breach whole: a look at what is unwell takes its time-outs (milliseconds). */
const longestGapMs = 10_000;

/** A guard that has had no sample for so long sees nothing, which somebody has to know (milliseconds). */
const blindAfterMs = 60_000;

/**
 * Looks until the guard trips, and throws `GuardTrippedError` where that takes the org back. Where it alerts, each
 * breach leaves one note and one line in the log; the next one comes after a sample of health. A guard that goes blind
 * says so, once.
 */
export async function watchGuard(
  guard: Guard,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
  run: Pick<EffectRun, 'migration' | 'epoch' | 'note'>,
  signal: AbortSignal,
): Promise<never> {
  const breach = new Breach(longestGapMs);
  let seenAtMs = clock.monotonicMs();
  for (let alerted = false, blind = false; ; ) {
    const look = await guard.look();
    if (look === null && !blind && clock.monotonicMs() - seenAtMs >= blindAfterMs) {
      blind = true;
      run.note(`alert: the guard ${guard.code} has had no sample for ${blindAfterMs} ms`, { guard: guard.code });
      runLog(logger, run).error({ guard: guard.code }, 'a guard is blind');
    }
    if (look !== null) {
      seenAtMs = clock.monotonicMs();
      blind = false;
      const sample = { at: new Date(clock.nowMs()).toISOString(), value: look.value };
      const tripped = breach.take(look.breach, sample, clock.monotonicMs(), guard.forMs);
      if (!look.breach) alerted = false;
      if (tripped && !alerted) {
        const trip = new GuardTrippedError(guard.code, guard.says(look.value), breach.samples);
        if (guard.action === 'rollback') throw trip;
        alerted = true;
        run.note(`alert: ${trip.message}`, { code: trip.code, ...trip.details });
        runLog(logger, run).error({ err: trip }, 'a guard alerts');
      }
    }
    await clock.sleep(guard.everyMs, signal);
  }
}
