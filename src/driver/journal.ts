import { journalVersion } from '../../statecharts/machine.ts';
import { isTransient, messageOf, OwnershipLostError } from '../errors/index.ts';
import type { Clock } from '../ports/clock.ts';
import type { JournalEntry, MigrationRow, NewTimelineEvent, Store } from '../ports/store.ts';
import type { Logger } from './logger.ts';
import { backoff } from './patience.ts';
import type { Snapshot } from './restore.ts';

/** A step as it is to stand in the store. */
export interface JournalStep extends Pick<JournalEntry, 'asked' | 'deadlines'> {
  readonly next: Snapshot;
  readonly state: string;
  readonly sinceMs: number;
}

export interface JournalDeps {
  readonly store: Store;
  readonly clock: Clock;
  log(): Logger;
  waitsFor(what: string): void;
  /** Ends when the migration is let go of. */
  readonly ownership: AbortSignal;
}

/** Commits the steps of one migration, each on the revision that the last one left. */
export class Journal {
  readonly #id: string;
  readonly #epoch: number;
  readonly #deps: JournalDeps;
  #revision: number;
  readonly #timeline: NewTimelineEvent[] = [];
  readonly #commands: number[] = [];

  constructor({ id, epoch, revision }: Pick<MigrationRow, 'id' | 'epoch' | 'revision'>, deps: JournalDeps) {
    this.#id = id;
    this.#epoch = epoch;
    this.#revision = revision;
    this.#deps = deps;
  }

  /** An entry of the timeline that goes with the next step. */
  add(event: NewTimelineEvent): void {
    this.#timeline.push(event);
  }

  /** A command that leaves the inbox with the next step. */
  addCommand(inboxId: number): void {
    this.#commands.push(inboxId);
  }

  /**
   * Tries until the store answers: a step that is not written down is not taken. What is added while it is under way
   * goes with the next one.
   */
  async commit(step: JournalStep): Promise<void> {
    const timeline = [...this.#timeline];
    const commands = [...this.#commands];
    const { clock, ownership } = this.#deps;
    let refusal: OwnershipLostError | null = null;
    for (let tried = 0; ; tried++) {
      try {
        if (refusal !== null) {
          if (await this.#landed(step.state)) break;
          throw refusal;
        }
        await this.#write(step, timeline, commands);
        break;
      } catch (error) {
        // Refused after an answer was lost: it may be our own step that stands there.
        if (error instanceof OwnershipLostError && tried > 0 && refusal === null) {
          refusal = error;
          continue;
        }
        if (!isTransient(error)) throw error;
        this.#deps.log().warn({ err: error }, 'the store did not take a step; trying again');
        this.#deps.waitsFor(`the store: ${messageOf(error)}`);
        await clock.sleep(backoff(tried), ownership);
      }
    }
    this.#revision += 1;
    this.#timeline.splice(0, timeline.length);
    this.#commands.splice(0, commands.length);
  }

  #write(
    { next, state, sinceMs, asked, deadlines }: JournalStep,
    timeline: readonly NewTimelineEvent[],
    commands: readonly number[],
  ): Promise<void> {
    return this.#deps.store.commit({
      id: this.#id,
      epoch: this.#epoch,
      revision: this.#revision,
      state,
      sinceMs,
      ended: next.status === 'done',
      journal: { version: journalVersion, value: next.value, context: next.context, asked, deadlines },
      timeline,
      commands,
    });
  }

  /** After a lost answer: whether our own step is what stands. */
  async #landed(state: string): Promise<boolean> {
    const row = await this.#deps.store.get(this.#id);
    return row !== null && row.epoch === this.#epoch && row.revision === this.#revision + 1 && row.state === state;
  }
}
