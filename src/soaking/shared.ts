import type { Clock } from '../ports/clock.ts';

/** One reading for all orgs that ask: the same while it is younger than `maxAgeMs`, and never two under way at once. */
export class SharedReading<T> {
  readonly #read: () => Promise<T>;
  readonly #clock: Clock;
  readonly #maxAgeMs: number;
  #last: { readonly value: T; readonly atMs: number } | null = null;
  #running: Promise<T> | null = null;

  constructor(clock: Clock, maxAgeMs: number, read: () => Promise<T>) {
    this.#clock = clock;
    this.#maxAgeMs = maxAgeMs;
    this.#read = read;
  }

  /** The last reading, or a new one. Fails where a new one does; a failure is not kept. */
  get(): Promise<T> {
    if (this.#last !== null && this.#clock.monotonicMs() - this.#last.atMs < this.#maxAgeMs) {
      return Promise.resolve(this.#last.value);
    }
    this.#running ??= this.#read()
      .then((value) => {
        this.#last = { value, atMs: this.#clock.monotonicMs() };
        return value;
      })
      .finally(() => {
        this.#running = null;
      });
    return this.#running;
  }
}
