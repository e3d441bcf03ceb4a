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
