import type { EffectRun } from '../driver/handlers.ts';

/** Steps in which an org keeps its place: until its clients are let through again, on whichever side. */
const keepsPlace =
  /^flipping\.(prepare|hold|drain|fence|marker|pinViews|parkReads|commit|recovering|release|aborting)$/;

/**
 * So many orgs are held by this controller at once on their way to the cluster; the others wait where nobody feels it. A
 * pause is made of processors, of proxies that carry out one admin command after the other, and of one controller's
 * turns, which orgs that are held together share. Ways back do not wait here: whoever goes back has a reason to.
 */
export class FlipTurns {
  readonly #atOnce: number;
  readonly #placed = new Set<string>();
  /** In the order in which they came. */
  readonly #waiting = new Map<string, () => void>();

  constructor(atOnce: number) {
    this.#atOnce = atOnce;
  }

  /**
   * Resolves when the org has a place, to whether it had to wait for it. It keeps the place until `onState` or `leave`
   * takes it, or its owner loses it. Rejects at the end of the run.
   */
  async wait({ migration, signal, ownership, waitsFor }: TurnRun): Promise<boolean> {
    const { migrationId } = migration;
    signal.throwIfAborted();
    ownership.throwIfAborted();
    if (this.#placed.has(migrationId)) return false;
    ownership.addEventListener('abort', () => this.leave(migrationId), { once: true });
    if (this.#placed.size < this.#atOnce) {
      this.#placed.add(migrationId);
      return false;
    }
    waitsFor(`its turn: ${this.#atOnce} orgs may be held at once`);
    await new Promise<void>((resolve, reject) => {
      const giveUp = () => {
        this.#waiting.delete(migrationId);
        reject(signal.reason);
      };
      signal.addEventListener('abort', giveUp, { once: true });
      this.#waiting.set(migrationId, () => {
        signal.removeEventListener('abort', giveUp);
        resolve();
      });
    });
    waitsFor(null);
    return true;
  }

  /** An org outside these steps has left its place. */
  onState(migrationId: string, state: string): void {
    if (!keepsPlace.test(state)) this.leave(migrationId);
  }

  leave(migrationId: string): void {
    if (!this.#placed.delete(migrationId)) return;
    const [next] = this.#waiting;
    if (next === undefined) return;
    const [id, goOn] = next;
    this.#waiting.delete(id);
    this.#placed.add(id);
    goOn();
  }
}

type TurnRun = Pick<EffectRun, 'migration' | 'signal' | 'ownership' | 'waitsFor'>;
