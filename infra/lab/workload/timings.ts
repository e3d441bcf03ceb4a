/** Reads leave an org's data as it is, everything else is a write: BEGIN and COMMIT too. */
export type StatementKind = 'read' | 'write';

/** A statement on its way. */
export interface InFlight {
  readonly orgId: number;
  readonly kind: StatementKind;
  /** Epoch milliseconds. */
  readonly sentMs: number;
  readonly startedAt: number;
}

interface Wait {
  readonly endMs: number;
  readonly waitMs: number;
}

/** How long clients waited and when their writes were acknowledged, by org. */
export class Timings {
  readonly #waits = new Map<string, Wait[]>();
  readonly #acksMs = new Map<number, number[]>();
  readonly #allAcksMs: number[] = [];
  readonly #inFlight = new Set<InFlight>();

  start(orgId: number, kind: StatementKind): InFlight {
    const entry = { orgId, kind, sentMs: Date.now(), startedAt: performance.now() };
    this.#inFlight.add(entry);
    return entry;
  }

  /** Ends a statement, with a result or an error; the client waited either way. */
  end(entry: InFlight): void {
    this.#inFlight.delete(entry);
    push(this.#waits, `${entry.orgId}/${entry.kind}`, {
      endMs: Date.now(),
      waitMs: performance.now() - entry.startedAt,
    });
  }

  acknowledged(orgId: number, writes: number): void {
    const nowMs = Date.now();
    for (let i = 0; i < writes; i += 1) {
      push(this.#acksMs, orgId, nowMs);
      this.#allAcksMs.push(nowMs);
    }
  }

  /** Acknowledged writes of an org in `[fromMs, toMs)`, epoch milliseconds. */
  acknowledgedBetween(orgId: number, fromMs: number, toMs: number): number {
    const acks = this.#acksMs.get(orgId) ?? [];
    return lowerBound(acks, toMs, identity) - lowerBound(acks, fromMs, identity);
  }

  /** Acknowledged writes of all orgs per second, over the last `windowMs`. */
  acknowledgedPerSecond(windowMs: number): number {
    const from = lowerBound(this.#allAcksMs, Date.now() - windowMs, identity);
    return ((this.#allAcksMs.length - from) * 1000) / windowMs;
  }

  get totalAcknowledged(): number {
    return this.#allAcksMs.length;
  }

  /** The longest wait of a statement that ended in `[fromMs, toMs)` or, if that is now, has not ended yet. */
  longestWaitMs(orgId: number, kind: StatementKind, fromMs: number, toMs: number): number {
    const waits = this.#waits.get(`${orgId}/${kind}`) ?? [];
    let longest = 0;
    const end = lowerBound(waits, toMs, endOf);
    for (let i = lowerBound(waits, fromMs, endOf); i < end; i += 1) longest = Math.max(longest, waits[i]?.waitMs ?? 0);
    if (toMs > Date.now()) {
      for (const entry of this.#inFlight) {
        if (entry.orgId === orgId && entry.kind === kind)
          longest = Math.max(longest, performance.now() - entry.startedAt);
      }
    }
    return longest;
  }

  /** Statements of an org that wait for their answer right now, sent at least `forMs` ago. */
  waitingNow(orgId: number, kind: StatementKind, forMs: number): number {
    let count = 0;
    for (const entry of this.#inFlight) {
      if (entry.orgId === orgId && entry.kind === kind && performance.now() - entry.startedAt >= forMs) count += 1;
    }
    return count;
  }

  /** Statements of an org that were on their way at that moment, epoch milliseconds. */
  waitingAt(orgId: number, kind: StatementKind, atMs: number): number {
    const waits = this.#waits.get(`${orgId}/${kind}`) ?? [];
    let count = 0;
    for (let i = lowerBound(waits, atMs, endOf); i < waits.length; i += 1) {
      const wait = waits[i];
      if (wait !== undefined && wait.endMs - wait.waitMs <= atMs) count += 1;
    }
    for (const entry of this.#inFlight) {
      if (entry.orgId === orgId && entry.kind === kind && entry.sentMs <= atMs) count += 1;
    }
    return count;
  }

  /** How long after that moment the last of the statements that were on their way then was answered; null while one is. */
  answeredAfterMs(orgId: number, kind: StatementKind, atMs: number): number | null {
    for (const entry of this.#inFlight) {
      if (entry.orgId === orgId && entry.kind === kind && entry.sentMs <= atMs) return null;
    }
    const waits = this.#waits.get(`${orgId}/${kind}`) ?? [];
    let last = atMs;
    for (let i = lowerBound(waits, atMs, endOf); i < waits.length; i += 1) {
      const { endMs, waitMs } = waits[i] as Wait;
      if (endMs - waitMs <= atMs) last = Math.max(last, endMs);
    }
    return last - atMs;
  }
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

const identity = (value: number) => value;
const endOf = (wait: Wait) => wait.endMs;

/** Index of the first entry that is not before `ms`; the list is in order of time. */
function lowerBound<T>(list: readonly T[], ms: number, timeOf: (entry: T) => number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (timeOf(list[middle] as T) < ms) low = middle + 1;
    else high = middle;
  }
  return low;
}
