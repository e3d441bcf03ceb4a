import { isTransient } from '../errors/index.ts';
import type { Clock } from '../ports/clock.ts';
import type { OwnedPurge, PurgeRecorded, PurgeStore } from '../ports/purge.ts';
import type { PurgeStatus } from '../service/status.ts';

/** Time between two tries to reach the store, and between two looks whether somebody wants the purge to end (milliseconds). */
const againMs = 1_000;
const lookEveryMs = 1_000;

/** It runs no more: paused, cancelled, or another controller's. */
export class PurgeEnded extends Error {
  readonly as: PurgeRecorded;
  constructor(as: PurgeRecorded) {
    super(`the purge is ${as}`);
    this.as = as;
  }
}

/** How far a purge is, in the store: the one place in which its owner also finds out that it is to stop. */
export class PurgeJournal {
  /** Ends when the purge does, or the controller. */
  readonly signal: AbortSignal;
  readonly #owned: OwnedPurge;
  readonly #store: PurgeStore;
  readonly #clock: Clock;
  readonly #ended = new AbortController();
  #status: PurgeStatus;
  #waitsFor: string | null = null;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(owned: OwnedPurge, deps: { store: PurgeStore; clock: Clock; signal: AbortSignal }) {
    this.#owned = owned;
    this.#store = deps.store;
    this.#clock = deps.clock;
    this.#status = owned.status;
    this.signal = AbortSignal.any([deps.signal, this.#ended.signal]);
  }

  get status(): PurgeStatus {
    return this.#status;
  }

  /** Shown within a second; costs nobody a write of its own. */
  readonly waitsFor = (what: string | null): void => {
    this.#waitsFor = what;
  };

  /**
   * Writes the change, and waits until the store has it: nothing goes on that the store does not know of. Throws
   * `PurgeEnded` where the purge runs no more.
   */
  async record(change: Partial<PurgeStatus>): Promise<void> {
    const turn = this.#tail.then(() => this.#write({ ...change }));
    this.#tail = turn.catch(() => {});
    await turn;
  }

  /** Looks once a second whether it is to stop, and shows what it waits for, until the signal ends. */
  async watch(): Promise<void> {
    const { migrationId } = this.#owned;
    while (!this.signal.aborted) {
      await this.#clock.sleep(lookEveryMs, this.signal).catch(() => {});
      if (this.signal.aborted) return;
      try {
        if (this.#waitsFor !== this.#status.waitsFor) await this.record({});
        const state = (await this.#store.readPurge(migrationId))?.state ?? 'lost';
        if (state !== 'running') this.#end(state);
      } catch {
        // Ended by the record, or without a store, which the next chunk waits for.
      }
    }
  }

  /** Ends the watch. */
  close(): void {
    this.#ended.abort(new Error('the purge is over'));
  }

  #end(as: PurgeRecorded): PurgeEnded {
    const ended = new PurgeEnded(as);
    this.#ended.abort(ended);
    return ended;
  }

  async #write(change: Partial<PurgeStatus>): Promise<void> {
    const { migrationId, epoch } = this.#owned;
    for (;;) {
      this.signal.throwIfAborted();
      const changedAt = new Date(this.#clock.nowMs()).toISOString();
      const status = { ...this.#status, waitsFor: this.#waitsFor, ...change, changedAt };
      try {
        const recorded = await this.#store.recordPurge(migrationId, epoch, status);
        if (recorded !== status.state) throw this.#end(recorded);
        this.#status = status;
        return;
      } catch (error) {
        if (!isTransient(error)) throw error;
        await this.#clock.sleep(againMs, this.signal);
      }
    }
  }
}
