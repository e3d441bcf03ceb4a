/**
 * Many who ask the same at once share an answer that is new to all of them: whoever comes while a look is under way
 * waits for the next one, so that nobody is told what was true before he asked.
 */
export class Latest<T> {
  readonly #look: () => Promise<T>;
  #running: Promise<unknown> | null = null;
  #next: Promise<T> | null = null;

  constructor(look: () => Promise<T>) {
    this.#look = look;
  }

  ask(): Promise<T> {
    this.#next ??= this.#lookBehind(this.#running);
    return this.#next;
  }

  /** Nobody waits. */
  get idle(): boolean {
    return this.#running === null && this.#next === null;
  }

  /** When the look under way, or the next one, has ended. */
  async settled(): Promise<void> {
    await (this.#next ?? this.#running)?.catch(() => {});
  }

  async #lookBehind(running: Promise<unknown> | null): Promise<T> {
    // Without one under way, those who ask in the same turn of the event loop still share.
    await (running ?? Promise.resolve()).catch(() => {});
    const own = this.#next;
    this.#running = own;
    this.#next = null;
    try {
      return await this.#look();
    } finally {
      if (this.#running === own) this.#running = null;
    }
  }
}

/** The same for many things: one look is for all that were asked for since the last one began. */
export class LatestOf<K, V> {
  #wanted = new Set<K>();
  readonly #latest: Latest<ReadonlyMap<K, V>>;

  constructor(look: (keys: readonly K[]) => Promise<ReadonlyMap<K, V>>) {
    this.#latest = new Latest(() => {
      const wanted = [...this.#wanted];
      this.#wanted = new Set();
      return look(wanted);
    });
  }

  async ask(key: K): Promise<V | undefined> {
    this.#wanted.add(key);
    return (await this.#latest.ask()).get(key);
  }
}
