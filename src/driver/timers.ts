import type { DeadlineName } from '../../statecharts/effects.ts';
import type { Clock } from '../ports/clock.ts';

/** Waits for the deadlines of one migration; one that is set anew or cleared reaches nobody. */
export class Timers {
  readonly #clock: Clock;
  readonly #reached: (deadline: DeadlineName, current: () => boolean) => void;
  readonly #timers = new Map<DeadlineName, AbortController>();

  constructor(clock: Clock, reached: (deadline: DeadlineName, current: () => boolean) => void) {
    this.#clock = clock;
    this.#reached = reached;
  }

  /** `leftMs` from now. */
  start(deadline: DeadlineName, leftMs: number): void {
    const timer = new AbortController();
    this.#timers.get(deadline)?.abort(new Error('deadline set anew'));
    this.#timers.set(deadline, timer);
    this.#clock.sleep(leftMs, timer.signal).then(
      () => this.#reached(deadline, () => this.#timers.get(deadline) === timer),
      () => {},
    );
  }

  drop(deadline: DeadlineName): void {
    this.#timers.get(deadline)?.abort(new Error('deadline cleared'));
    this.#timers.delete(deadline);
  }

  abort(reason: unknown): void {
    for (const timer of this.#timers.values()) timer.abort(reason);
  }

  clear(): void {
    this.#timers.clear();
  }
}
