/** What is kept for as long as there is room, by its size in bytes: what was not used longest goes first. */
export class Kept<T extends { readonly bytes: number }> {
  readonly #atMostBytes: number;
  readonly #entries = new Map<string, T>();
  #bytes = 0;

  constructor(atMostBytes: number) {
    this.#atMostBytes = atMostBytes;
  }

  get(key: string): T | undefined {
    const found = this.#entries.get(key);
    if (found === undefined) return undefined;
    // The order of a map is that of its insertions.
    this.#entries.delete(key);
    this.#entries.set(key, found);
    return found;
  }

  set(key: string, entry: T): void {
    this.#bytes += entry.bytes - (this.#entries.get(key)?.bytes ?? 0);
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    for (const [oldest, { bytes }] of this.#entries) {
      if (this.#bytes <= this.#atMostBytes) return;
      this.#entries.delete(oldest);
      this.#bytes -= bytes;
    }
  }
}
