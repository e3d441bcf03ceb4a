import { z } from 'zod';
import { messageOf } from '../../errors/index.ts';
import type { PlaceContext } from './context.ts';
import { integer } from './rows.ts';

const SAMPLE_EVERY_MS = 250;

const waiterRow = z.object({ id: integer, own: integer });

/**
 * While views are open: looks whether anybody waits for a table's metadata lock, and drops all views when the same
 * connection does so in two samples running. An ALTER that waits for a view makes everybody's statements on that table
 * wait behind it; which table it is, the processlist does not say, so every view goes.
 */
export class MetadataWatch {
  readonly #context: PlaceContext;
  readonly #drops = new Set<(reason: string) => void>();
  #cancel: (() => void) | null = null;
  #sampling: Promise<void> = Promise.resolve();
  #waiting: ReadonlySet<number> = new Set();

  constructor(context: PlaceContext) {
    this.#context = context;
  }

  /** Watches on behalf of a view until it is removed. */
  add(drop: (reason: string) => void): void {
    this.#drops.add(drop);
    if (this.#cancel === null) this.#schedule();
  }

  remove(drop: (reason: string) => void): void {
    this.#drops.delete(drop);
    if (this.#drops.size === 0) this.#stop();
  }

  /** Ends the watch and drops what is open. */
  async close(): Promise<void> {
    this.#dropAll('the place was closed');
    await this.#sampling;
  }

  #schedule(): void {
    this.#cancel = this.#context.machine.clock.after(SAMPLE_EVERY_MS, () => {
      this.#sampling = this.#sample().then(() => {
        if (this.#drops.size > 0) this.#schedule();
      });
    });
  }

  #stop(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#waiting = new Set();
  }

  async #sample(): Promise<void> {
    try {
      const rows = await this.#context.watch.use('looking for waiters', (session) =>
        session.rows(waiterRow, session.dialect.metadataWaiters),
      );
      // Where the server does not show sessions, none seen proves nothing.
      if (!rows.some(({ own }) => own === 1)) throw new Error('the server does not show its sessions');
      const waiting = new Set(rows.filter(({ own }) => own === 0).map(({ id }) => id));
      const still = [...waiting].filter((id) => this.#waiting.has(id));
      this.#waiting = waiting;
      if (still.length > 0) this.#dropAll(`connection ${still[0]} waits for the metadata lock of a table`);
    } catch (error) {
      // Unwatched views could hold everybody up: the proof is worth less than that.
      this.#dropAll(`it could not be watched: ${messageOf(error)}`);
    }
  }

  #dropAll(reason: string): void {
    for (const drop of [...this.#drops]) drop(reason);
    this.#stop();
  }
}
