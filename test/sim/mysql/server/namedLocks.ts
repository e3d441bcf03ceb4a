/** Locks of GET_LOCK, held by sessions. */
export class NamedLocks {
  readonly #holders = new Map<string, number>();
  readonly #waiting: { name: string; wake: () => void }[] = [];

  /** True where the session has the lock now. */
  take(name: string, session: number): boolean {
    const holder = this.#holders.get(name);
    if (holder !== undefined && holder !== session) return false;
    this.#holders.set(name, session);
    return true;
  }

  release(name: string, session: number): boolean {
    if (this.#holders.get(name) !== session) return false;
    this.#holders.delete(name);
    this.#wake(name);
    return true;
  }

  releaseAll(session: number): void {
    for (const [name, holder] of this.#holders) if (holder === session) this.release(name, session);
  }

  /** Calls `wake` when the lock is free; returns the function that ends the waiting. */
  wait(name: string, wake: () => void): () => void {
    const waiting = { name, wake };
    this.#waiting.push(waiting);
    return () => {
      const index = this.#waiting.indexOf(waiting);
      if (index >= 0) this.#waiting.splice(index, 1);
    };
  }

  #wake(name: string): void {
    const index = this.#waiting.findIndex((waiting) => waiting.name === name);
    if (index < 0) return;
    const [first] = this.#waiting.splice(index, 1);
    first?.wake();
  }
}
