import type { Transaction } from './transaction.ts';

export type LockMode = 'shared' | 'exclusive';

/** Thrown out of a statement that cannot go on before a lock is free; its session waits and begins it anew. */
export class MustWait {
  readonly key: string;
  readonly mode: LockMode;

  constructor(key: string, mode: LockMode) {
    this.key = key;
    this.mode = mode;
  }
}

interface Waiting {
  readonly transaction: Transaction;
  readonly mode: LockMode;
  readonly granted: () => void;
}

interface Lock {
  readonly holders: Map<Transaction, LockMode>;
  readonly queue: Waiting[];
}

/** Locks on rows, in the order of asking. Gaps are not locked: a range may get new rows. */
export class Locks {
  readonly #locks = new Map<string, Lock>();
  /** What each waiting transaction waits for. */
  readonly #waits = new Map<Transaction, string>();

  /** Takes the lock, or throws `MustWait`. */
  take(transaction: Transaction, key: string, mode: LockMode): void {
    const lock = this.#locks.get(key);
    if (lock === undefined) {
      this.#locks.set(key, { holders: new Map([[transaction, mode]]), queue: [] });
      transaction.locks.add(key);
      return;
    }
    const held = lock.holders.get(transaction);
    if (held === 'exclusive' || held === mode) return;
    if (conflicts(lock, transaction, mode, lock.queue)) throw new MustWait(key, mode);
    lock.holders.set(transaction, mode);
    transaction.locks.add(key);
  }

  /** Calls `granted` when the lock is held. Returns false where that would be a deadlock: then nobody waits. */
  wait(transaction: Transaction, { key, mode }: MustWait, granted: () => void): boolean {
    const lock = this.#locks.get(key);
    if (lock === undefined) throw new Error(`nobody holds ${key}`);
    this.#waits.set(transaction, key);
    lock.queue.push({ transaction, mode, granted });
    if (!this.#reaches(transaction, transaction, new Set())) return true;
    this.stopWaiting(transaction);
    return false;
  }

  stopWaiting(transaction: Transaction): void {
    const key = this.#waits.get(transaction);
    if (key === undefined) return;
    this.#waits.delete(transaction);
    const lock = this.#locks.get(key);
    if (lock === undefined) return;
    const index = lock.queue.findIndex((waiting) => waiting.transaction === transaction);
    if (index >= 0) lock.queue.splice(index, 1);
    this.#grant(key, lock);
  }

  releaseAll(transaction: Transaction): void {
    this.stopWaiting(transaction);
    for (const key of transaction.locks) {
      const lock = this.#locks.get(key);
      lock?.holders.delete(transaction);
      if (lock !== undefined) this.#grant(key, lock);
    }
    transaction.locks.clear();
  }

  isWaiting(transaction: Transaction): boolean {
    return this.#waits.has(transaction);
  }

  /** Who keeps the transaction waiting: holders, and those before it in line. */
  blockersOf(transaction: Transaction): readonly Transaction[] {
    const key = this.#waits.get(transaction);
    const lock = key === undefined ? undefined : this.#locks.get(key);
    if (lock === undefined) return [];
    const place = lock.queue.findIndex((waiting) => waiting.transaction === transaction);
    const mode = lock.queue[place]?.mode ?? 'shared';
    const before = lock.queue.slice(0, place).filter((other) => !compatible(other.mode, mode));
    const holders = [...lock.holders].filter(([other, held]) => other !== transaction && !compatible(held, mode));
    return [...holders.map(([other]) => other), ...before.map((other) => other.transaction)];
  }

  #reaches(from: Transaction, target: Transaction, seen: Set<Transaction>): boolean {
    for (const blocker of this.blockersOf(from)) {
      if (blocker === target) return true;
      if (seen.has(blocker)) continue;
      seen.add(blocker);
      if (this.#reaches(blocker, target, seen)) return true;
    }
    return false;
  }

  #grant(key: string, lock: Lock): void {
    const woken: Waiting[] = [];
    while (lock.queue.length > 0) {
      const first = lock.queue[0] as Waiting;
      if (conflicts(lock, first.transaction, first.mode, [])) break;
      lock.queue.shift();
      lock.holders.set(first.transaction, first.mode);
      first.transaction.locks.add(key);
      this.#waits.delete(first.transaction);
      woken.push(first);
    }
    if (lock.holders.size === 0 && lock.queue.length === 0) this.#locks.delete(key);
    for (const { granted } of woken) granted();
  }
}

/** Who comes later waits also behind those in line, so that nobody starves; who holds it already does not. */
function conflicts(lock: Lock, transaction: Transaction, mode: LockMode, queue: readonly Waiting[]): boolean {
  for (const [other, held] of lock.holders) if (other !== transaction && !compatible(held, mode)) return true;
  if (lock.holders.has(transaction)) return false;
  return queue.some((waiting) => waiting.transaction !== transaction && !compatible(waiting.mode, mode));
}

function compatible(a: LockMode, b: LockMode): boolean {
  return a === 'shared' && b === 'shared';
}
