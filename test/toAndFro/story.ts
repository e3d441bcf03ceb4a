import type { Random } from './random.ts';

/** What happens to one move on its way. Waits in milliseconds. */
export interface Story {
  /** `atOnce` flips as soon as the gates are passed; else an approver does it so long after `ready`. */
  readonly approval: 'atOnce' | { readonly afterMs: number };
  /** Phase in which somebody pauses the move, and for how long; null for nobody. */
  readonly pause: { readonly phase: string; readonly forMs: number } | null;
  /** Phase in which the way back is asked for, and how long after its beginning; `held` is the flip behind its preparation. */
  readonly back: { readonly phase: string; readonly afterMs: number };
}

/** Longest wait in a phase before the way back is asked for, where it is not the usual one. */
const longestWaitMs: Readonly<Record<string, number>> = { soaking: 1_500, held: 150 };
/** Phases before anything is held. */
const beforeFlip = ['preflight', 'snapshot', 'replicating', 'lagCheck', 'ready'] as const;

export function randomStory(random: Random): Story {
  const approval = random.chance(0.5) ? 'atOnce' : { afterMs: random.between(0, 800) };
  const pausePhase = random.pick([
    [null, 5],
    ['replicating', 1],
    ['lagCheck', 1],
    ['ready', 1],
    ['flipping', 1],
    ['held', 1],
    ['verifying', 1],
    ['soaking', 1],
  ]);
  const backPhase = random.pick<string>([
    ['soaking', 35],
    ['verifying', 20],
    ['held', 20],
    ['flipping', 10],
    [beforeFlip[random.between(0, beforeFlip.length - 1)] ?? 'ready', 15],
  ]);
  return {
    approval,
    pause: pausePhase === null ? null : { phase: pausePhase, forMs: random.between(0, 600) },
    back: { phase: backPhase, afterMs: random.between(0, longestWaitMs[backPhase] ?? 400) },
  };
}
