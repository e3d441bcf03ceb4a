import type { ReadView } from '../ports/place.ts';

/**
 * Ends a comparison on both sides when one of them fails or the caller's signal says so: no further statement is
 * begun, those that run are waited for.
 */
export class Stop {
  readonly #signal: AbortSignal | undefined;
  readonly #failed = new AbortController();

  constructor(signal?: AbortSignal) {
    this.#signal = signal;
  }

  because(reason: unknown): void {
    this.#failed.abort(reason);
  }

  throwIfStopped(): void {
    this.#signal?.throwIfAborted();
    this.#failed.signal.throwIfAborted();
  }
}

/** Lends out read views, first come first served: a view runs one statement at a time. */
export class ViewPool {
  readonly size: number;
  readonly #free: ReadView[];
  readonly #waiting: ((view: ReadView) => void)[] = [];
  readonly #stop: Stop;

  constructor(views: readonly ReadView[], stop: Stop) {
    if (views.length === 0) throw new RangeError('a comparison needs at least one read view on each side');
    this.size = views.length;
    this.#free = [...views];
    this.#stop = stop;
  }

  async use<T>(work: (view: ReadView) => Promise<T>): Promise<T> {
    const view = this.#free.shift() ?? (await new Promise<ReadView>((resolve) => this.#waiting.push(resolve)));
    try {
      this.#stop.throwIfStopped();
      return await work(view);
    } catch (error) {
      this.#stop.because(error);
      throw error;
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free.push(view);
      else next(view);
    }
  }
}
