import type { MigrationContext } from '../../statecharts/context.ts';
import { isTransient, JournalVersionError, OwnershipLostError, UnknownMigrationError } from '../errors/index.ts';
import type { Clock } from '../ports/clock.ts';
import type { InboxCommand, Store } from '../ports/store.ts';
import { type OrderName, orderNames } from '../service/status.ts';
import type { EffectHandlers } from './handlers.ts';
import type { Logger } from './logger.ts';
import { MigrationRunner } from './runner.ts';
import { StoreTime } from './storeTime.ts';

/** How often a controller says that it lives, and looks for what has no owner (milliseconds). */
const beatEveryMs = 200;
/** Rest before a migration that was let go of is taken up again, and before a journal that is not read here is tried again (milliseconds). */
const takeUpAfterMs = 5_000;
const unreadableRestMs = 60_000;
/** Migrations taken in one round: held ones come first, and none of them waits behind hundreds. */
const takeAtMost = 32;
/** How long the status says what was wrong with a lease (milliseconds). */
const noticeForMs = 60_000;

export interface DriverDeps {
  /** Unique per process, so that a restarted controller is not mistaken for the one before. */
  readonly instance: string;
  /** How long an owner's silence lasts before others take over (milliseconds); the same for all controllers of a store. */
  readonly leaseMs: number;
  readonly store: Store;
  readonly clock: Clock;
  readonly handlers: EffectHandlers;
  readonly logger: Logger;
  onState(context: MigrationContext, state: string, epoch: number): void;
  /** A migration has become this controller's; the handlers have nothing in memory of it. */
  onTaken(context: MigrationContext, epoch: number, owned: () => boolean): void;
  /** A migration has ended here or belongs to somebody else: nothing is done for it any more. */
  onReleased(context: MigrationContext): void;
}

/** Owns migrations through the store and runs each; the only caller of the machine. */
export class Driver {
  readonly #deps: DriverDeps;
  readonly #runners = new Map<string, MigrationRunner>();
  /** Migrations that are left alone here, by the time (monotonic) until which they are. */
  readonly #resting = new Map<string, number>();
  readonly #stopping = new AbortController();
  readonly #released = new AbortController();
  readonly #storeTime: StoreTime;
  #beating: Promise<void> = Promise.resolve();
  #loop: Promise<void> = Promise.resolve();
  #turn: Promise<void> = Promise.resolve();

  constructor(deps: DriverDeps) {
    this.#deps = deps;
    this.#storeTime = new StoreTime(deps.clock);
  }

  /** Begins to own; resolves after the first round, with what was without an owner taken up. */
  async start(): Promise<void> {
    this.#storeTime.heard((await this.#deps.store.beatController(this.#deps.instance)).storeMs);
    await this.claimNow();
    this.#beating = this.#beats();
    this.#loop = this.#rounds();
  }

  runner(id: string): MigrationRunner | undefined {
    return this.#runners.get(id);
  }

  /** One round out of turn: a migration that was just created gets its owner at once. */
  claimNow(): Promise<void> {
    this.#turn = this.#turn.then(
      () => this.#round(),
      () => this.#round(),
    );
    return this.#turn;
  }

  /** Gives the command to the runner here, or through the store to the controller that owns the migration. */
  async command(id: string, command: OrderName, actor: string, reason: string | undefined): Promise<void> {
    const runner = this.#runners.get(id);
    if (runner !== undefined) return runner.command(command, actor, reason);
    if ((await this.#deps.store.get(id)) === null) throw new UnknownMigrationError(id);
    await this.#deps.store.postCommand({ migrationId: id, command, actor, reason: reason ?? null });
  }

  /** Ends the loops and the effects, and hands everything over at once. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the controller stops'));
    await this.#loop;
    await this.#turn.catch(() => {});
    // Runners that see a hold to its end still own it: the signs of life go on until they have.
    await Promise.all(
      [...this.#runners.values()].map(async (runner) => {
        await runner.stop(new Error('the controller stops'));
        this.#deps.onReleased(runner.context);
      }),
    );
    this.#released.abort(new Error('everything is let go'));
    await this.#beating;
    this.#runners.clear();
    await this.#deps.store.release(this.#deps.instance).catch((error) => {
      this.#deps.logger.warn({ err: error }, 'could not hand over; others take over after the grace time');
    });
  }

  /** Beside everything else: nothing that takes its time here may look like silence to the others. */
  async #beats(): Promise<void> {
    const { clock, store, instance, logger } = this.#deps;
    const { signal } = this.#released;
    while (!signal.aborted) {
      try {
        const { storeMs, known } = await store.beatController(instance);
        this.#storeTime.heard(storeMs);
        if (!known) this.#leaseWasMissing();
      } catch (error) {
        logger.warn({ err: error }, 'a sign of life was not written');
      }
      await clock.sleep(beatEveryMs, signal).catch(() => {});
    }
  }

  /** Somebody emptied the table, or changed it by hand: said where it is looked for, in the status of each migration. */
  #leaseWasMissing(): void {
    this.#deps.logger.error({ instance: this.#deps.instance }, 'the lease of this controller was missing');
    for (const runner of this.#runners.values()) {
      runner.say('the lease of its controller was missing in the store, and was written anew', noticeForMs);
    }
  }

  async #rounds(): Promise<void> {
    const { clock, logger } = this.#deps;
    while (!this.#stopping.signal.aborted) {
      await clock.sleep(beatEveryMs, this.#stopping.signal).catch(() => {});
      if (this.#stopping.signal.aborted) return;
      await this.claimNow().catch((error) => {
        const level = isTransient(error) ? 'warn' : 'error';
        logger[level]({ err: error }, 'a round of the driver failed');
      });
    }
  }

  async #round(): Promise<void> {
    const { store, instance, leaseMs, logger } = this.#deps;
    for (let full = true; full && !this.#stopping.signal.aborted; ) {
      const known = { running: [...this.#runners.keys()], resting: this.#restingNow(), atMost: takeAtMost };
      const { taken, lost, leaseless } = await store.claim(instance, leaseMs, known);
      for (const id of lost) this.#giveUp(id);
      for (const { id, owner } of leaseless) {
        logger.error({ migration: id, owner }, 'its owner had no lease; it was given one, and has the grace time');
      }
      for (const { id, from } of taken) await this.#take(id, from).catch((error) => this.#notTaken(id, error));
      full = taken.length === takeAtMost;
    }
    for (const given of await store.pendingCommands(instance)) this.#deliver(given);
  }

  /** What a failed step made this controller let go of rests before it begins again from its journal. */
  #restingNow(): string[] {
    const nowMs = this.#deps.clock.monotonicMs();
    for (const [id, untilMs] of this.#resting) if (nowMs >= untilMs) this.#resting.delete(id);
    return [...this.#resting.keys()];
  }

  #rest(id: string, forMs: number): void {
    this.#resting.set(id, this.#deps.clock.monotonicMs() + forMs);
  }

  /** Somebody else owns it by now: what still runs here ends. */
  #giveUp(id: string): void {
    const runner = this.#runners.get(id);
    if (runner === undefined) return;
    runner.log.warn({}, 'lost to another controller');
    this.#runners.delete(id);
    runner.abandon(new OwnershipLostError(id, runner.epoch));
    this.#deps.onReleased(runner.context);
  }

  /** One migration that cannot be taken up keeps nobody from the others, and is left to whoever can. */
  async #notTaken(id: string, error: unknown): Promise<void> {
    const { store, instance, logger } = this.#deps;
    logger.error({ migration: id, err: error }, 'could not be taken up');
    if (isTransient(error)) return;
    this.#rest(id, error instanceof JournalVersionError ? unreadableRestMs : takeUpAfterMs);
    await store.releaseOne(instance, id);
  }

  async #take(id: string, from: string | null): Promise<void> {
    const { store, logger, clock, handlers, instance } = this.#deps;
    const row = await store.get(id);
    if (row === null) return;
    await this.#runners.get(id)?.stop(new Error('taken anew'));
    const runner = new MigrationRunner(row, {
      store,
      clock,
      handlers,
      logger,
      storeNowMs: () => this.#storeTime.nowMs(),
      onState: this.#deps.onState,
      onStopped: (stopped) => {
        if (this.#runners.get(stopped) !== runner) return;
        this.#runners.delete(stopped);
        this.#rest(stopped, takeUpAfterMs);
        this.#deps.onReleased(runner.context);
      },
    });
    this.#runners.set(id, runner);
    this.#resting.delete(id);
    runner.log.info({ state: row.state, from }, 'taken');
    if (from !== null && from !== instance)
      runner.say(`taken over from ${from}, which gave no sign of life`, noticeForMs);
    this.#deps.onTaken(row.journal.context, row.epoch, () => this.#runners.get(id) === runner);
    runner.start(row.journal.asked);
  }

  /** Not waited for: a migration that is slow to take its command keeps nobody from theirs. */
  #deliver(given: InboxCommand): void {
    const { store } = this.#deps;
    const runner = this.#runners.get(given.migrationId);
    if (runner === undefined) return;
    const name = orderNames.find((known) => known === given.command);
    const taken = name === undefined ? store.dropCommand(given.id) : runner.carryOut({ ...given, command: name });
    taken.catch((error) => {
      runner.log.warn({ command: given.command, err: error }, 'a command was not carried out');
    });
  }
}
