import { transition } from 'xstate';
import type { MigrationContext } from '../../statecharts/context.ts';
import type { DeadlineName, EffectName, Failure } from '../../statecharts/effects.ts';
import { migrationMachine } from '../../statecharts/machine.ts';
import type { MigrationEvent } from '../../statecharts/setup.ts';
import { CommandNotAllowedError } from '../errors/index.ts';
import type { Clock } from '../ports/clock.ts';
import type { InboxCommand, MigrationRow, NewTimelineEvent, Store } from '../ports/store.ts';
import { type CommandName, commandNames, type OrderName } from '../service/status.ts';
import { Commands } from './commands.ts';
import { longestMs } from './deadlines.ts';
import { Effects } from './effects.ts';
import type { EffectHandlers, EffectRun } from './handlers.ts';
import { Journal } from './journal.ts';
import { type Logger, runLog } from './logger.ts';
import { restoreSnapshot, type Snapshot } from './restore.ts';
import { stateName } from './stateName.ts';
import { askedAfter, type Deadlines, deadlinesAfter, isDroppedLater, type StepAction } from './stepActions.ts';
import { Timers } from './timers.ts';

/** Beside the flip's budget, what an abort may take until the runner lets go of a held org all the same (milliseconds). */
const releaseGraceMs = 3_000;

/** What the runner needs; `onState` hears every state, also those that live in memory only. */
export interface RunnerDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly handlers: EffectHandlers;
  readonly logger: Logger;
  /** The store's time, epoch milliseconds: deadlines are kept in it. */
  storeNowMs(): number;
  onState(context: MigrationContext, state: string, epoch: number): void;
  /** The migration has ended or belongs to somebody else. */
  onStopped(id: string): void;
}

/**
 * Takes one migration through the machine. One step at a time: compute the transition, commit snapshot, timeline and
 * wanted effects in one transaction, then run the effects; their results are the next steps. States tagged `memory`
 * are not committed: the journal stays where a new owner has to begin anyway.
 */
export class MigrationRunner {
  readonly id: string;
  readonly epoch: number;
  readonly #deps: RunnerDeps;
  readonly #ownership = new AbortController();
  readonly #journal: Journal;
  readonly #commands: Commands;
  readonly #effects: Effects;
  readonly #timers: Timers;
  #snapshot: Snapshot;
  #deadlines: Deadlines;
  #steps = 0;
  #sinceMs: number;
  #state: string;
  #waitsFor: string | null = null;
  #notice: { readonly text: string; readonly untilMs: number } | null = null;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(row: MigrationRow, deps: RunnerDeps) {
    this.id = row.id;
    this.epoch = row.epoch;
    this.#deps = deps;
    this.#snapshot = restoreSnapshot(row);
    this.#deadlines = { ...row.journal.deadlines };
    this.#sinceMs = row.sinceMs;
    this.#state = row.state;
    const { store, clock, handlers } = deps;
    const log = () => this.log;
    const waitsFor = (what: string) => {
      this.#waitsFor = what;
    };
    this.#journal = new Journal(row, { store, clock, log, waitsFor, ownership: this.#ownership.signal });
    this.#effects = new Effects({
      handlers,
      clock,
      log,
      waitsFor,
      effectRun: (signal) => this.#effectRun(signal),
      note: (message, data) => this.#note(message, data),
      lost: (error) => this.#letGo(error),
      ended: (type, current, payload) => this.#deliver(type, current, payload),
    });
    this.#timers = new Timers(clock, (deadline, current) => this.#deliver(`deadline.${deadline}`, current));
    this.#commands = new Commands(store, this.#commanded());
  }

  get state(): string {
    return this.#state;
  }
  get context(): MigrationContext {
    return this.#snapshot.context;
  }
  get sinceMs(): number {
    return this.#sinceMs;
  }
  /** How many steps it has made: while it is the same, so are state, context and what is allowed. */
  get steps(): number {
    return this.#steps;
  }
  /** For lines about the migration: each says whose it is, and in which attempt. */
  get log(): Logger {
    return runLog(this.#deps.logger, { migration: this.context, epoch: this.epoch });
  }
  get waitsFor(): string | null {
    return this.#waitsFor;
  }
  /** What was wrong with its owner lately. */
  get notice(): string | null {
    return this.#notice !== null && this.#deps.clock.monotonicMs() < this.#notice.untilMs ? this.#notice.text : null;
  }

  /** Tells the users: in the timeline, and for a while in the status. */
  say(text: string, forMs: number): void {
    this.#notice = { text, untilMs: this.#deps.clock.monotonicMs() + forMs };
    this.#note(text);
  }

  /** Commands that the machine would take now. */
  allowed(): CommandName[] {
    return commandNames.filter((command) => this.may(command));
  }

  may(order: OrderName): boolean {
    return this.#snapshot.can({ type: order });
  }

  /** Begins where the journal stands: an undecided attempt is recovered, everything else is asked for again. */
  start(asked: readonly EffectName[]): void {
    this.#deps.onState(this.#snapshot.context, this.#state, this.epoch);
    if (this.#snapshot.hasTag('undecided')) {
      this.#inOrder(() => this.#step({ type: 'recover' }, { type: 'note', message: 'taken over in a flip' }));
      return;
    }
    for (const effect of asked) this.#effects.run(effect);
    for (const deadline of Object.keys(this.#deadlines) as DeadlineName[]) this.#startTimer(deadline);
  }

  /** Gives a command; resolves when it cannot be forgotten any more. Throws `CommandNotAllowedError`. */
  command(command: OrderName, actor: string, reason: string | undefined): Promise<void> {
    return this.#commands.give(command, actor, reason);
  }

  /** Carries out a command of the inbox, once. Throws `CommandNotAllowedError`. */
  carryOut(given: InboxCommand & { readonly command: OrderName }): Promise<void> {
    return this.#commands.carryOut(given);
  }

  /**
   * Lets go: running effects end, nothing more is committed. A hold is seen to its end first, which its budget bounds:
   * nobody else may be there to release the org. Resolves when the step under way has ended.
   */
  async stop(reason: unknown): Promise<void> {
    await this.#untilReleased();
    this.#end(reason);
    this.#effects.clear();
    this.#timers.clear();
    await this.#tail;
  }

  /** Somebody else owns the migration by now: everything ends at once, whatever is held is the new owner's business. */
  abandon(reason: unknown): void {
    this.#letGo(reason);
  }

  async #untilReleased(): Promise<void> {
    const { clock } = this.#deps;
    const deadlineMs = clock.monotonicMs() + this.context.policy.flipBudgetMs + releaseGraceMs;
    while (this.#snapshot.hasTag('holding') && !this.#ownership.signal.aborted && clock.monotonicMs() < deadlineMs) {
      await clock.sleep(20);
    }
  }

  #inOrder<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#tail.then(() => {
      this.#ownership.signal.throwIfAborted();
      return work();
    });
    this.#tail = turn.catch((error) => {
      if (!(error instanceof CommandNotAllowedError)) this.#letGo(error);
    });
    return turn;
  }

  #letGo(error: unknown): void {
    if (this.#ownership.signal.aborted) return;
    this.log.error({ err: error }, 'letting go of the migration');
    this.#end(error);
    this.#deps.onStopped(this.id);
  }

  #end(reason: unknown): void {
    this.#ownership.abort(reason);
    this.#effects.abort(reason);
    this.#timers.abort(reason);
  }

  async #step(
    event: MigrationEvent,
    entry: { type: string; message: string; data?: Record<string, unknown> },
  ): Promise<void> {
    const [next, actions] = transition(migrationMachine, this.#snapshot, event) as [Snapshot, readonly StepAction[]];
    const state = stateName(next.value);
    const now = this.#deps.clock.nowMs();
    const entered = state !== this.#state;
    const deadlines = deadlinesAfter(this.#deadlines, actions, this.#deps.storeNowMs());
    this.#journal.add({
      atMs: now,
      type: entered ? 'state' : entry.type,
      state,
      attempt: next.context.attempt || null,
      message: entry.message,
      data: { ...entry.data, ...(entered ? { previous: this.#state } : {}), event: event.type },
    });
    const sinceMs = entered ? now : this.#sinceMs;
    if (!next.hasTag('memory')) {
      const asked = askedAfter(this.#effects.names(), actions);
      await this.#journal.commit({ next, state, sinceMs, deadlines, asked });
    }
    this.#snapshot = next;
    this.#steps += 1;
    this.#state = state;
    this.#sinceMs = sinceMs;
    this.#deadlines = deadlines;
    if (entered) {
      this.#waitsFor = null;
      // Nothing is written inside the pause, a log included: its states are in the timeline of the step behind it.
      if (!next.hasTag('holding')) this.log.info({ state, event: event.type }, 'state');
    }
    this.#deps.onState(next.context, state, this.epoch);
    this.#carryOut(actions);
    if (next.status === 'done') {
      this.#ownership.abort(new Error('the migration has ended'));
      this.#deps.onStopped(this.id);
    }
  }

  #carryOut(actions: readonly StepAction[]): void {
    for (const [index, action] of actions.entries()) {
      switch (action.type) {
        case 'ask':
          if (!isDroppedLater(actions, index, action.params.effect)) this.#effects.run(action.params.effect);
          break;
        case 'drop':
          this.#effects.drop(action.params.effect);
          break;
        case 'setDeadline':
          this.#startTimer(action.params.deadline);
          break;
        case 'clearDeadline':
          this.#timers.drop(action.params.deadline);
          break;
      }
    }
  }

  #startTimer(deadline: DeadlineName): void {
    const dueMs = this.#deadlines[deadline];
    if (dueMs === undefined) return;
    const leftMs = Math.max(0, dueMs - this.#deps.storeNowMs());
    this.#timers.start(deadline, Math.min(longestMs(deadline, this.context), leftMs));
  }

  /** The migration as its commands see it. */
  #commanded() {
    const snapshot = () => this.#snapshot;
    const state = () => this.#state;
    return {
      id: this.id,
      get state() {
        return state();
      },
      get holding() {
        return snapshot().hasTag('holding');
      },
      get ended() {
        return snapshot().status === 'done';
      },
      may: (order: OrderName) => this.may(order),
      allowed: () => this.allowed(),
      inOrder: <T>(work: () => Promise<T>) => this.#inOrder(work),
      take: (
        order: OrderName,
        entry: { type: string; message: string; data: Record<string, unknown> },
        inboxId: number | null,
      ) => {
        if (inboxId !== null) this.#journal.addCommand(inboxId);
        return this.#step({ type: order }, entry);
      },
      note: (message: string) => this.#note(message),
    };
  }

  #effectRun(signal: AbortSignal): EffectRun {
    return {
      migration: this.#snapshot.context,
      epoch: this.epoch,
      signal,
      ownership: this.#ownership.signal,
      note: (message, data) => this.#note(message, data),
      waitsFor: (what) => {
        if (!signal.aborted) this.#waitsFor = what;
      },
    };
  }

  #note(message: string, data: Record<string, unknown> = {}): void {
    const event: NewTimelineEvent = {
      atMs: this.#deps.clock.nowMs(),
      type: 'note',
      state: this.#state,
      attempt: this.context.attempt || null,
      message,
      data,
    };
    // Inside the pause nothing is written: the note goes with the next step.
    if (this.#snapshot.hasTag('holding')) {
      this.#journal.add(event);
      return;
    }
    this.#deps.store.note(this.id, [event]).catch((error) => {
      this.log.warn({ err: error, event }, 'a note could not be stored');
    });
  }

  #deliver(type: string, current: () => boolean, payload: { output?: unknown; failure?: Failure } = {}): void {
    this.#inOrder(async () => {
      // A result that comes after its effect was dropped or asked for again belongs to another time.
      if (!current()) return;
      const failed = payload.failure;
      await this.#step({ type, ...payload } as MigrationEvent, {
        type: 'effect',
        message: failed === undefined ? type : `${type}: ${failed.message}`,
        ...(failed === undefined ? {} : { data: { failure: failed } }),
      });
    }).catch(() => {});
  }
}
