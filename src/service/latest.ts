import type { Clock } from '../ports/clock.ts';

/** Least time from the begin of one look to that of the next: who comes meanwhile waits, and shares. */
export interface Apart {
  readonly ms: number;
  readonly clock: Pick<Clock, 'monotonicMs' | 'sleep'>;
}

/**
 * Many who ask the same at once share an answer that is new to all of them: whoever comes while a look is under way
 * waits for the next one, so that nobody is told what was true before he asked.
 */
export class Latest<T> {
  readonly #look: () => Promise<T>;
  readonly #atOnce: number;
  readonly #apart: Apart | null;
  #beganMs = Number.NEGATIVE_INFINITY;
  readonly #running = new Set<Promise<unknown>>();
  #next: Promise<T> | null = null;

  /** @param atOnce looks that may be under way; with more than one a later look may end first */
  constructor(look: () => Promise<T>, atOnce = 1, apart: Apart | null = null) {
    this.#look = look;
    this.#atOnce = atOnce;
    this.#apart = apart;
  }

  ask(): Promise<T> {
    this.#next ??= this.#lookBehind();
    return this.#next;
  }

  /** Nobody waits. */
  get idle(): boolean {
    return this.#running.size === 0 && this.#next === null;
  }

  /** When the next look, or else one under way, has ended. */
  async settled(): Promise<void> {
    await (this.#next ?? Promise.race(this.#running)).catch(() => {});
  }

  async #lookBehind(): Promise<T> {
    // Without one under way, those who ask in the same turn of the event loop still share.
    await null;
    while (this.#running.size >= this.#atOnce) await Promise.race(this.#running).catch(() => {});
    if (this.#apart !== null) await this.#rest(this.#apart);
    this.#next = null;
    const look = this.#look();
    this.#running.add(look);
    try {
      return await look;
    } finally {
      this.#running.delete(look);
    }
  }

  async #rest({ ms, clock }: Apart): Promise<void> {
    const leftMs = this.#beganMs + ms - clock.monotonicMs();
    if (leftMs > 0) await clock.sleep(leftMs);
    this.#beganMs = clock.monotonicMs();
  }
}

/** The same for many things: one look is for all that were asked for since the last one began. */
export class LatestOf<K, V> {
  #wanted = new Set<K>();
  readonly #latest: Latest<ReadonlyMap<K, V>>;

  constructor(look: (keys: readonly K[]) => Promise<ReadonlyMap<K, V>>, atOnce = 1) {
    this.#latest = new Latest(() => {
      const wanted = [...this.#wanted];
      this.#wanted = new Set();
      return look(wanted);
    }, atOnce);
  }

  async ask(key: K): Promise<V | undefined> {
    this.#wanted.add(key);
    return (await this.#latest.ask()).get(key);
  }
}
