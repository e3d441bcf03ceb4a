import type { EffectRun } from '../driver/handlers.ts';

type Direction = EffectRun['migration']['direction'];

/** Steps in which an org has its place: from its preparation until its clients are let through again. */
const hasPlace =
  /^(flipping|rollingBack)\.(prepare|hold|drain|fence|marker|pinViews|parkReads|commit|recovering|release)$/;

/**
 * So many orgs are held by this controller at once, the others wait where nobody feels it: a pause is made of processors,
 * of proxies that load their rules one command after the other, and of one controller's turns, which orgs in a hold
 * share. Ways back have places of their own: no flip keeps them waiting.
 */
export class FlipTurns {
  readonly #atOnce: number;
  readonly #placed: Readonly<Record<Direction, Set<string>>> = { forward: new Set(), back: new Set() };
  /** In the order in which they came. */
  readonly #waiting: Readonly<Record<Direction, Map<string, () => void>>> = { forward: new Map(), back: new Map() };

  constructor(atOnce: number) {
    this.#atOnce = atOnce;
  }

  /** Resolves when the org has a place, which it keeps until `onState` or `leave` takes it; rejects at the end of the run. */
  async wait({ migration, signal, waitsFor }: Pick<EffectRun, 'migration' | 'signal' | 'waitsFor'>): Promise<void> {
    const { migrationId, direction } = migration;
    signal.throwIfAborted();
    const placed = this.#placed[direction];
    if (placed.has(migrationId)) return;
    if (placed.size < this.#atOnce) {
      placed.add(migrationId);
      return;
    }
    const waiting = this.#waiting[direction];
    waitsFor(`its turn: ${this.#atOnce} orgs may be held at once, ${waiting.size} wait before it`);
    await new Promise<void>((resolve, reject) => {
      const giveUp = () => {
        waiting.delete(migrationId);
        reject(signal.reason);
      };
      signal.addEventListener('abort', giveUp, { once: true });
      waiting.set(migrationId, () => {
        signal.removeEventListener('abort', giveUp);
        resolve();
      });
    });
    waitsFor(null);
  }

  /** An org outside these steps has left its place. */
  onState(migrationId: string, state: string): void {
    if (!hasPlace.test(state)) this.leave(migrationId);
  }

  leave(migrationId: string): void {
    for (const direction of ['forward', 'back'] as const) {
      if (!this.#placed[direction].delete(migrationId)) continue;
      const [next] = this.#waiting[direction];
      if (next === undefined) continue;
      const [id, goOn] = next;
      this.#waiting[direction].delete(id);
      this.#placed[direction].add(id);
      goOn();
    }
  }
}
