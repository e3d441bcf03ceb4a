import type { MigrationContext } from '../../statecharts/context.ts';
import { isTransient, OwnershipLostError, UnknownMigrationError } from '../errors/index.ts';
import type { Clock } from '../ports/clock.ts';
import type { Store } from '../ports/store.ts';
import type { CommandName } from '../service/status.ts';
import { commandNames } from '../service/status.ts';
import type { EffectHandlers } from './handlers.ts';
import type { Logger } from './logger.ts';
import { MigrationRunner } from './runner.ts';

/** How often a controller says that it lives, and how long its silence lasts before others take over (milliseconds). */
const beatEveryMs = 400;
const ownerGraceMs = 2_000;
/** Rest before a migration that was let go of is taken up again (milliseconds). */
const takeUpAfterMs = 5_000;

export interface DriverDeps {
  /** Unique per process, so that a restarted controller is not mistaken for the one before. */
  readonly instance: string;
  readonly store: Store;
  readonly clock: Clock;
  readonly handlers: EffectHandlers;
  readonly logger: Logger;
  onState(context: MigrationContext, state: string): void;
  /** A migration has become this controller's; the handlers have nothing in memory of it. */
  onTaken(context: MigrationContext, epoch: number, owned: () => boolean): void;
  /** A migration has ended here or belongs to somebody else: nothing is done for it any more. */
  onReleased(context: MigrationContext): void;
}

/** Owns migrations through the store and runs each; the only caller of the machine. */
export class Driver {
  readonly #deps: DriverDeps;
  readonly #runners = new Map<string, MigrationRunner>();
  /** Migrations without a runner here, by the time (monotonic) at which it stopped. */
  readonly #letGo = new Map<string, number>();
  readonly #stopping = new AbortController();
  #loop: Promise<void> = Promise.resolve();
  #turn: Promise<void> = Promise.resolve();

  constructor(deps: DriverDeps) {
    this.#deps = deps;
  }

  /** Begins to own; resolves after the first round, with everything that was without an owner taken up. */
  async start(): Promise<void> {
    await this.claimNow();
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
  async command(id: string, command: CommandName, actor: string, reason: string | undefined): Promise<void> {
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
    const released = new AbortController();
    const beating = this.#beatUntil(released.signal);
    await Promise.all(
      [...this.#runners.values()].map(async (runner) => {
        await runner.stop(new Error('the controller stops'));
        this.#deps.onReleased(runner.context);
      }),
    );
    released.abort(new Error('everything is let go'));
    await beating;
    this.#runners.clear();
    await this.#deps.store.release(this.#deps.instance).catch((error) => {
      this.#deps.logger.warn({ err: error }, 'could not hand over; others take over after the grace time');
    });
  }

  /** Runners that see a hold to its end still own it: nobody may take over meanwhile. */
  async #beatUntil(signal: AbortSignal): Promise<void> {
    const { clock, store, instance, logger } = this.#deps;
    while (!signal.aborted) {
      await store.beatController(instance).catch((error) => logger.warn({ err: error }, 'a beat was not written'));
      await clock.sleep(beatEveryMs, signal).catch(() => {});
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
    const { store, instance } = this.#deps;
    await store.beatController(instance);
    const running = [...this.#runners.keys()];
    const { taken, lost } = await store.claim(instance, ownerGraceMs, { running, resting: this.#resting() });
    for (const id of lost) this.#giveUp(id);
    for (const id of taken) await this.#take(id).catch((error) => this.#notTaken(id, error));
    for (const { migrationId, command, actor, reason } of await store.takeCommands(instance)) {
      await this.#deliver(migrationId, command, actor, reason);
    }
  }

  /** What a failed step made this controller let go of rests before it begins again from its journal. */
  #resting(): string[] {
    const nowMs = this.#deps.clock.monotonicMs();
    for (const [id, sinceMs] of this.#letGo) if (nowMs - sinceMs >= takeUpAfterMs) this.#letGo.delete(id);
    return [...this.#letGo.keys()];
  }

  /** Somebody else owns it by now: what still runs here ends. */
  #giveUp(id: string): void {
    const runner = this.#runners.get(id);
    if (runner === undefined) return;
    this.#deps.logger.warn({ migration: id, epoch: runner.epoch }, 'lost to another controller');
    this.#runners.delete(id);
    runner.abandon(new OwnershipLostError(id, runner.epoch));
    this.#deps.onReleased(runner.context);
  }

  /** One migration that cannot be taken up keeps nobody from the others, and is left to whoever can. */
  async #notTaken(id: string, error: unknown): Promise<void> {
    const { store, instance, logger, clock } = this.#deps;
    logger.error({ migration: id, err: error }, 'could not be taken up');
    if (isTransient(error)) return;
    this.#letGo.set(id, clock.monotonicMs());
    await store.releaseOne(instance, id);
  }

  async #take(id: string): Promise<void> {
    const { store, logger, clock, handlers } = this.#deps;
    const row = await store.get(id);
    if (row === null) return;
    await this.#runners.get(id)?.stop(new Error('taken anew'));
    const runner = new MigrationRunner(row, {
      store,
      clock,
      handlers,
      logger,
      onState: this.#deps.onState,
      onStopped: (stopped) => {
        if (this.#runners.get(stopped) !== runner) return;
        this.#runners.delete(stopped);
        this.#letGo.set(stopped, clock.monotonicMs());
        this.#deps.onReleased(runner.context);
      },
    });
    this.#runners.set(id, runner);
    this.#letGo.delete(id);
    logger.info({ migration: id, org: row.orgId, state: row.state, epoch: row.epoch }, 'taken');
    this.#deps.onTaken(row.journal.context, row.epoch, () => this.#runners.get(id) === runner);
    runner.start(row.journal.asked);
  }

  async #deliver(id: string, command: string, actor: string, reason: string | null): Promise<void> {
    const known = commandNames.find((name) => name === command);
    const runner = this.#runners.get(id);
    if (known === undefined || runner === undefined) return;
    await runner.command(known, actor, reason ?? undefined).catch((error) => {
      this.#deps.logger.warn({ migration: id, command, err: error }, 'a command from the inbox was refused');
    });
  }
}
