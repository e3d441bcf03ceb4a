import type { ReadView } from '../ports/place.ts';

/** Lends out read views, first come first served: a view runs one statement at a time. */
export class ViewPool {
  readonly size: number;
  readonly #free: ReadView[];
  readonly #waiting: ((view: ReadView) => void)[] = [];
  readonly #signal: AbortSignal | undefined;

  /** @param signal once aborted, no further statement is begun; the one that runs is waited for */
  constructor(views: readonly ReadView[], signal?: AbortSignal) {
    this.size = views.length;
    this.#free = [...views];
    this.#signal = signal;
  }

  async use<T>(work: (view: ReadView) => Promise<T>): Promise<T> {
    const view = this.#free.shift() ?? (await new Promise<ReadView>((resolve) => this.#waiting.push(resolve)));
    try {
      this.#signal?.throwIfAborted();
      return await work(view);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free.push(view);
      else next(view);
    }
  }
}
