/** Ends what was scheduled, if it has not happened yet. */
export type Cancel = () => void;

interface Entry {
  readonly atMs: number;
  readonly order: number;
  work: (() => void) | null;
}

/**
 * Virtual time: what is to happen, in order. One thing happens, everything that it made possible goes on to its next
 * wait, and only then comes the next. Nothing here knows the machine's clock.
 */
export class Scheduler {
  #nowMs = 0;
  #scheduled = 0;
  #steps = 0;
  readonly #heap: Entry[] = [];

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Events so far. */
  get steps(): number {
    return this.#steps;
  }

  /** When the next thing happens; null when nothing is left. */
  get nextAtMs(): number | null {
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      if (first.work !== null) return first.atMs;
      this.#pop();
    }
    return null;
  }

  /** Has `work` happen in `delayMs`; of two at the same moment the one scheduled first comes first. */
  after(delayMs: number, work: () => void): Cancel {
    const entry: Entry = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#scheduled++, work };
    this.#push(entry);
    return () => {
      entry.work = null;
    };
  }

  /** Resolves in `delayMs`. */
  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, resolve));
  }

  /** One event and all that follows from it without waiting; false when nothing is left. */
  async step(): Promise<boolean> {
    for (let entry = this.#pop(); entry !== null; entry = this.#pop()) {
      if (entry.work === null) continue;
      this.#nowMs = entry.atMs;
      this.#steps += 1;
      entry.work();
      await settled();
      return true;
    }
    return false;
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(entry);
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = heap[above] as Entry;
      if (before(parent, entry)) break;
      heap[index] = parent;
      index = above;
    }
    heap[index] = entry;
  }

  #pop(): Entry | null {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined) return null;
    if (heap.length === 0) return first;
    let index = 0;
    for (;;) {
      let below = 2 * index + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && before(heap[below + 1] as Entry, heap[below] as Entry)) below += 1;
      const child = heap[below] as Entry;
      if (before(last, child)) break;
      heap[index] = child;
      index = below;
    }
    heap[index] = last;
    return first;
  }
}

function before(one: Entry, other: Entry): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
}

/**
 * Every promise that can go on has gone on: none of them waits for anything but the scheduler. Asked for in a promise's
 * turn, a tick comes when no promise is left that can go on; a turn of the event loop would cost more than most events.
 */
function settled(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}
