import { setTimeout as sleep } from 'node:timers/promises';

/** What was seen last. */
export interface Sight<T> {
  /** Grows with every sight that differs from the one before. */
  readonly number: number;
  /** Stays what it was while looks fail; null where none has succeeded yet. */
  readonly value: T | null;
  /** Why the last look failed; null where it did not. */
  readonly failure: unknown;
}

/** A look may take this share of the time: behind a slow one there is a longer rest, so that many orgs cannot wear out the store. */
const restPerLook = 4;

/**
 * Looks at something for as long as anybody watches, once for all of them: a thousand viewers cost the store what one
 * does. Nobody is shown what was seen before the first of them came.
 */
export class SharedLook<T> {
  readonly #look: (before: T | null) => Promise<T>;
  readonly #everyMs: number;
  readonly #isSame: (before: T, now: T) => boolean;
  readonly #watchers = new Set<() => void>();
  #watching = 0;
  #sight: Sight<T> | null = null;
  #number = 0;
  #stop: AbortController | null = null;

  constructor(options: {
    look: (before: T | null) => Promise<T>;
    everyMs: number;
    isSame: (before: T, now: T) => boolean;
  }) {
    this.#look = options.look;
    this.#everyMs = options.everyMs;
    this.#isSame = options.isSame;
  }

  /**
   * The sights from now on, each at once when it is there; a slow watcher misses those in between. Null after `quietMs`
   * without one.
   */
  async *watch(signal: AbortSignal, quietMs: number): AsyncGenerator<Sight<T> | null, void, undefined> {
    this.#watching++;
    this.#stop ??= this.#begin();
    try {
      let shown = 0;
      while (!signal.aborted) {
        const sight = this.#sight;
        if (sight !== null && sight.number > shown) {
          shown = sight.number;
          yield sight;
        } else if (!(await this.#changed(signal, quietMs)) && !signal.aborted) yield null;
      }
    } finally {
      this.#watching--;
      if (this.#watching === 0) this.#end();
    }
  }

  /** True while somebody watches. */
  get isWatched(): boolean {
    return this.#watching > 0;
  }

  /** What watchers see at this moment, or one look where nobody watches. Throws what the look throws. */
  async once(): Promise<T> {
    const sight = this.#sight;
    return sight !== null && sight.value !== null && sight.failure === null ? sight.value : this.#look(null);
  }

  /** True where something changed, false where nothing did in time. */
  #changed(signal: AbortSignal, withinMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (changed: boolean) => {
        clearTimeout(timer);
        signal.removeEventListener('abort', aborted);
        this.#watchers.delete(woken);
        resolve(changed);
      };
      const woken = () => end(true);
      const aborted = () => end(false);
      const timer = setTimeout(end, withinMs, false);
      signal.addEventListener('abort', aborted, { once: true });
      this.#watchers.add(woken);
    });
  }

  #begin(): AbortController {
    const stop = new AbortController();
    void this.#round(stop.signal);
    return stop;
  }

  #end(): void {
    this.#stop?.abort();
    this.#stop = null;
    this.#sight = null;
  }

  async #round(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const beganAtMs = performance.now();
      const before = this.#sight;
      try {
        const value = await this.#look(before?.value ?? null);
        if (signal.aborted) return;
        const last = before?.value ?? null;
        if (last === null || before?.failure !== null || !this.#isSame(last, value)) this.#show(value, null);
      } catch (failure) {
        if (signal.aborted) return;
        // Said once: how long it lasts, the watchers see by themselves.
        if (before === null || before.failure === null) this.#show(before?.value ?? null, failure);
      }
      const tookMs = performance.now() - beganAtMs;
      await sleep(Math.max(this.#everyMs, restPerLook * tookMs), undefined, { signal }).catch(() => {});
    }
  }

  #show(value: T | null, failure: unknown): void {
    this.#sight = { number: ++this.#number, value, failure };
    for (const woken of [...this.#watchers]) woken();
  }
}

/** Whether two sights say the same. */
export const sameText = (before: unknown, now: unknown) => JSON.stringify(before) === JSON.stringify(now);

/** One look for each thing that is watched; those that nobody watches any more go. */
export function lookOf<T>(
  looks: Map<string, SharedLook<T>>,
  id: string,
  how: () => ConstructorParameters<typeof SharedLook<T>>[0],
): SharedLook<T> {
  for (const [other, look] of looks) if (other !== id && !look.isWatched) looks.delete(other);
  const look = looks.get(id) ?? new SharedLook<T>(how());
  looks.set(id, look);
  return look;
}
