import { transition } from 'xstate';
import type { MigrationContext } from '../../statecharts/context.ts';
import type { DeadlineName, EffectName, Failure } from '../../statecharts/effects.ts';
import { journalVersion, migrationMachine } from '../../statecharts/machine.ts';
import type { MigrationEvent } from '../../statecharts/setup.ts';
import {
  CommandNotAllowedError,
  isTransient,
  messageOf,
  OwnershipLostError,
  StaleEpochError,
} from '../errors/index.ts';
import type { Clock } from '../ports/clock.ts';
import type { InboxCommand, MigrationRow, NewTimelineEvent, Store } from '../ports/store.ts';
import { type CommandName, commandNames, type OrderName, orderText } from '../service/status.ts';
import { longestMs } from './deadlines.ts';
import { failureFrom } from './failure.ts';
import type { EffectHandlers, EffectRun } from './handlers.ts';
import { type Logger, runLog } from './logger.ts';
import { restoreSnapshot, type Snapshot } from './restore.ts';
import { stateName } from './stateName.ts';

/** First and longest wait between two tries of an effect that met a transient failure (milliseconds). */
const retryFirstMs = 250;
const retryLongestMs = 15_000;
/** The same while clients of a held org wait for it. */
const retryHeldMs = 500;

/** Beside the flip's budget, what an abort may take until the runner lets go of a held org all the same (milliseconds). */
const releaseGraceMs = 3_000;

/** Effects that cannot be given up: an org is held until they have ended, so any error is met again. */
const mustEnd: ReadonlySet<EffectName> = new Set(['flip.release', 'flip.abort', 'flip.decide']);

/** Before and inside a hold time is short; what settles afterwards has it. */
function everyFailureCounts(effect: EffectName): boolean {
  return effect.startsWith('flip.') && effect !== 'flip.settle';
}

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
  readonly #running = new Map<EffectName, AbortController>();
  readonly #timers = new Map<DeadlineName, AbortController>();
  #snapshot: Snapshot;
  #deadlines: Partial<Record<DeadlineName, number>>;
  #revision: number;
  #steps = 0;
  #sinceMs: number;
  #state: string;
  #uncommitted: NewTimelineEvent[] = [];
  /** Commands of the inbox: how far each is, and those that only this memory has carried out. */
  readonly #commands = new Map<number, Promise<void>>();
  #unwritten: number[] = [];
  #waitsFor: string | null = null;
  #notice: { readonly text: string; readonly untilMs: number } | null = null;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(row: MigrationRow, deps: RunnerDeps) {
    this.id = row.id;
    this.epoch = row.epoch;
    this.#deps = deps;
    this.#snapshot = restoreSnapshot(row);
    this.#deadlines = { ...row.journal.deadlines };
    this.#revision = row.revision;
    this.#sinceMs = row.sinceMs;
    this.#state = row.state;
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
    for (const effect of asked) this.#run(effect);
    for (const deadline of Object.keys(this.#deadlines) as DeadlineName[]) this.#startTimer(deadline);
  }

  /**
   * Gives a command; resolves when it cannot be forgotten any more. In a hold nothing is journalled: there it goes
   * through the inbox, which a new owner reads too. Throws `CommandNotAllowedError`.
   */
  async command(command: OrderName, actor: string, reason: string | undefined): Promise<void> {
    this.#assertAllowed(command);
    if (!this.#snapshot.hasTag('holding')) {
      const carriedOut = await this.#commandStep({ command, actor, reason: reason ?? null }, null);
      if (carriedOut) return;
    }
    const given = { migrationId: this.id, command, actor, reason: reason ?? null };
    return this.carryOut({ ...given, id: await this.#deps.store.postCommand(given) }, 'now');
  }

  /**
   * Carries out a command of the inbox, once. What is not allowed in a hold may be so behind it, and is offered again;
   * what is not allowed otherwise leaves the inbox. Throws `CommandNotAllowedError`.
   */
  carryOut(given: InboxCommand & { readonly command: OrderName }, when: 'now' | 'orLater' = 'orLater'): Promise<void> {
    const known = this.#commands.get(given.id);
    if (known !== undefined) return known;
    const outcome = this.#commandStep(given, given.id).then(
      () => {},
      async (error: unknown) => {
        this.#commands.delete(given.id);
        if (!(error instanceof CommandNotAllowedError)) throw error;
        if (when === 'orLater' && this.#snapshot.hasTag('holding')) return;
        if (when === 'orLater')
          this.#note(`${orderText(given.command)} by ${given.actor} came too late: ${error.message}`);
        await this.#deps.store.dropCommand(given.id);
        throw error;
      },
    );
    this.#commands.set(given.id, outcome);
    return outcome;
  }

  /** False where a hold has begun meanwhile, in which a command without a place in the inbox could be forgotten. */
  async #commandStep(
    { command, actor, reason }: Pick<InboxCommand, 'actor' | 'reason'> & { readonly command: OrderName },
    inboxId: number | null,
  ): Promise<boolean> {
    const text = orderText(command);
    try {
      return await this.#inOrder(async () => {
        if (inboxId === null && this.#snapshot.hasTag('holding')) return false;
        this.#assertAllowed(command);
        if (inboxId !== null) this.#unwritten.push(inboxId);
        await this.#step(
          { type: command },
          { type: 'command', message: `${text} by ${actor}`, data: { command: text, actor, reason } },
        );
        return true;
      });
    } catch (error) {
      // It ended while the command waited for its turn.
      if (this.#snapshot.status === 'done') throw new CommandNotAllowedError(text, this.#state, []);
      throw error;
    }
  }

  #assertAllowed(command: OrderName): void {
    if (!this.may(command)) {
      throw new CommandNotAllowedError(orderText(command), this.#state, this.allowed());
    }
  }

  /**
   * Lets go: running effects end, nothing more is committed. A hold is seen to its end first, which its budget bounds:
   * nobody else may be there to release the org. Resolves when the step under way has ended.
   */
  async stop(reason: unknown): Promise<void> {
    await this.#untilReleased();
    this.#ownership.abort(reason);
    for (const running of this.#running.values()) running.abort(reason);
    for (const timer of this.#timers.values()) timer.abort(reason);
    this.#running.clear();
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
    this.#ownership.abort(error);
    for (const running of this.#running.values()) running.abort(error);
    for (const timer of this.#timers.values()) timer.abort(error);
    this.#deps.onStopped(this.id);
  }

  async #step(
    event: MigrationEvent,
    entry: { type: string; message: string; data?: Record<string, unknown> },
  ): Promise<void> {
    const [next, actions] = transition(migrationMachine, this.#snapshot, event) as [Snapshot, readonly StepAction[]];
    const nextState = stateName(next.value);
    const now = this.#deps.clock.nowMs();
    const storeNow = this.#deps.storeNowMs();
    const entered = nextState !== this.#state;
    const deadlines = { ...this.#deadlines };
    for (const action of actions) {
      if (action.type === 'setDeadline') deadlines[action.params.deadline] = storeNow + action.params.afterMs;
      if (action.type === 'clearDeadline') delete deadlines[action.params.deadline];
    }
    this.#uncommitted.push({
      atMs: now,
      type: entered ? 'state' : entry.type,
      state: nextState,
      attempt: next.context.attempt || null,
      message: entry.message,
      data: { ...entry.data, ...(entered ? { previous: this.#state } : {}), event: event.type },
    });
    const sinceMs = entered ? now : this.#sinceMs;
    if (!next.hasTag('memory')) {
      await this.#commit({ next, nextState, sinceMs, deadlines, asked: this.#askedAfter(actions) });
    }
    this.#snapshot = next;
    this.#steps += 1;
    this.#state = nextState;
    this.#sinceMs = sinceMs;
    this.#deadlines = deadlines;
    if (entered) {
      this.#waitsFor = null;
      // Nothing is written inside the pause, a log included: its states are in the timeline of the step behind it.
      if (!next.hasTag('holding')) this.log.info({ state: nextState, event: event.type }, 'state');
    }
    this.#deps.onState(next.context, nextState, this.epoch);
    this.#carryOut(actions);
    if (next.status === 'done') {
      this.#ownership.abort(new Error('the migration has ended'));
      this.#deps.onStopped(this.id);
    }
  }

  #askedAfter(actions: readonly StepAction[]): EffectName[] {
    const asked = new Set(this.#running.keys());
    for (const action of actions) {
      if (action.type === 'drop') asked.delete(action.params.effect);
      if (action.type === 'ask') asked.add(action.params.effect);
    }
    return [...asked];
  }

  /** Tries until the store answers: a step that is not written down is not taken. */
  async #commit(step: {
    next: Snapshot;
    nextState: string;
    sinceMs: number;
    deadlines: Partial<Record<DeadlineName, number>>;
    asked: EffectName[];
  }): Promise<void> {
    const { store, clock } = this.#deps;
    let refusal: OwnershipLostError | null = null;
    for (let tried = 0; ; tried++) {
      try {
        if (refusal !== null) {
          if (await this.#landed(step.nextState)) break;
          throw refusal;
        }
        await store.commit({
          id: this.id,
          epoch: this.epoch,
          revision: this.#revision,
          state: step.nextState,
          sinceMs: step.sinceMs,
          ended: step.next.status === 'done',
          journal: {
            version: journalVersion,
            value: step.next.value,
            context: step.next.context,
            asked: step.asked,
            deadlines: step.deadlines,
          },
          timeline: this.#uncommitted,
          commands: this.#unwritten,
        });
        break;
      } catch (error) {
        // Refused after an answer was lost: it may be our own step that stands there.
        if (error instanceof OwnershipLostError && tried > 0 && refusal === null) {
          refusal = error;
          continue;
        }
        if (!isTransient(error)) throw error;
        this.log.warn({ err: error }, 'the store did not take a step; trying again');
        this.#waitsFor = `the store: ${messageOf(error)}`;
        await clock.sleep(backoff(tried), this.#ownership.signal);
      }
    }
    this.#revision += 1;
    this.#uncommitted = [];
    this.#unwritten = [];
  }

  /** After a lost answer: whether our own step is what stands. */
  async #landed(state: string): Promise<boolean> {
    const row = await this.#deps.store.get(this.id);
    return row !== null && row.epoch === this.epoch && row.revision === this.#revision + 1 && row.state === state;
  }

  #carryOut(actions: readonly StepAction[]): void {
    for (const [index, action] of actions.entries()) {
      switch (action.type) {
        case 'ask':
          // A state that was only passed through wants nothing.
          if (!actions.slice(index).some((later) => isDropOf(later, action.params.effect))) {
            this.#run(action.params.effect);
          }
          break;
        case 'drop':
          this.#running.get(action.params.effect)?.abort(new Error(`${action.params.effect} is not wanted any more`));
          this.#running.delete(action.params.effect);
          break;
        case 'setDeadline':
          this.#startTimer(action.params.deadline);
          break;
        case 'clearDeadline':
          this.#timers.get(action.params.deadline)?.abort(new Error('deadline cleared'));
          this.#timers.delete(action.params.deadline);
          break;
      }
    }
  }

  #startTimer(deadline: DeadlineName): void {
    const dueMs = this.#deadlines[deadline];
    if (dueMs === undefined) return;
    const timer = new AbortController();
    this.#timers.get(deadline)?.abort(new Error('deadline set anew'));
    this.#timers.set(deadline, timer);
    const leftMs = Math.min(longestMs(deadline, this.context), Math.max(0, dueMs - this.#deps.storeNowMs()));
    this.#deps.clock.sleep(leftMs, timer.signal).then(
      () => this.#deliver(`deadline.${deadline}`, () => this.#timers.get(deadline) === timer),
      () => {},
    );
  }

  #run(effect: EffectName): void {
    const running = new AbortController();
    this.#running.get(effect)?.abort(new Error('asked for again'));
    this.#running.set(effect, running);
    const current = () => this.#running.get(effect) === running;
    void this.#untilEnded(effect, running.signal).then(
      (output) => this.#deliver(`${effect}.done`, current, { output }),
      (error) => {
        if (!current() || running.signal.aborted) return;
        if (hasNewerOwner(error)) {
          this.#letGo(error);
          return;
        }
        this.log.warn({ effect, err: error }, 'effect failed');
        this.#deliver(`${effect}.failed`, current, { failure: failureFrom(error) });
      },
    );
  }

  /** A transient failure is met again until it passes; inside a flip time is short, and every failure counts. */
  async #untilEnded(effect: EffectName, signal: AbortSignal): Promise<unknown> {
    for (let tried = 0; ; tried++) {
      try {
        return await this.#deps.handlers[effect](this.#effectRun(signal));
      } catch (error) {
        if (signal.aborted || hasNewerOwner(error)) throw error;
        const again = mustEnd.has(effect) || (isTransient(error) && !everyFailureCounts(effect));
        if (!again) throw error;
        if (tried === 0) this.#note(`${effect} waits: ${messageOf(error)}`, { failure: failureFrom(error) });
        this.#waitsFor = messageOf(error);
        await this.#deps.clock.sleep(backoff(tried, mustEnd.has(effect) ? retryHeldMs : retryLongestMs), signal);
      }
    }
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
      this.#uncommitted.push(event);
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

/** A store or a place says that the org belongs to somebody else by now. */
function hasNewerOwner(error: unknown): boolean {
  return error instanceof OwnershipLostError || error instanceof StaleEpochError;
}

type StepAction =
  | { readonly type: 'ask' | 'drop'; readonly params: { readonly effect: EffectName } }
  | { readonly type: 'setDeadline'; readonly params: { readonly deadline: DeadlineName; readonly afterMs: number } }
  | { readonly type: 'clearDeadline'; readonly params: { readonly deadline: DeadlineName } };

function isDropOf(action: StepAction, effect: EffectName): boolean {
  return action.type === 'drop' && action.params.effect === effect;
}

function backoff(tried: number, longestMs = retryLongestMs): number {
  return Math.min(longestMs, retryFirstMs * 2 ** Math.min(tried, 10));
}
