import type { Clock } from '../../ports/clock.ts';
import { type Limits, watchLimits } from './limits.ts';

/** At most `permits` holders at once; who comes later waits in line. */
export class Semaphore {
  readonly #clock: Clock;
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(clock: Clock, permits: number) {
    this.#clock = clock;
    this.#free = permits;
  }

  /** Resolves when the caller holds a permit; rejects, holding none, at the end of its limits. */
  async acquire(what: string, limits: Limits): Promise<void> {
    limits.signal?.throwIfAborted();
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const granted = () => {
        stop();
        resolve();
      };
      const stop = watchLimits(this.#clock, what, limits, (reason) => {
        this.#waiting.delete(granted);
        reject(reason);
      });
      this.#waiting.add(granted);
    });
  }

  release(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#free += 1;
      return;
    }
    // The permit goes straight to the next in line.
    this.#waiting.delete(next);
    next();
  }
}
