import type { Logger } from '../driver/logger.ts';
import { CommandNotAllowedError, CutoverError, isTransient, OrgAlreadyMovingError } from '../errors/index.ts';
import type { OperationsStore } from '../ports/operations.ts';
import type { WaveActor, WaveLease, WaveState } from '../ports/waves.ts';
import { recorded } from '../service/recorded.ts';
import type { CommandName, MigrationService, Reason } from '../service/status.ts';
import { changed, finalStates } from './change.ts';
import { type Picture, type PictureDeps, readPicture, type WavePicture } from './picture.ts';
import { decide, type Order } from './schedule.ts';
import { definedOf } from './settings.ts';

export interface WaveDriverDeps extends PictureDeps {
  readonly store: PictureDeps['store'] & Pick<OperationsStore, 'auditCommand' | 'auditOutcome'>;
  readonly migrations: Pick<MigrationService, 'create' | 'command'>;
  readonly logger: Logger;
  /** The controller, unique per process. */
  readonly instance: string;
}

/** How often is looked for what may start or flip (milliseconds), and a look rests so many times as long as it took. */
const lookEveryMs = 1_000;
const restFactor = 10;
const longestRestMs = 10_000;
/** A command that was given is not given again before (milliseconds): it may wait for another controller. */
const againAfterMs = 15_000;
/** How long an org is left alone that could not be let go (milliseconds). */
const refusedRestMs = 10_000;

/** Codes of refusals that no waiting changes: the whole wave would meet them. */
const concernsTheWave: ReadonlySet<string> = new Set(['SECOND_PERSON_NEEDED', 'POLICY_LOOSENED']);
/** Codes of refusals that pass by themselves. */
const passes: ReadonlySet<string> = new Set(['FROZEN']);

/**
 * Drives all waves while the lease is this controller's: one decides for all, so that limits hold across waves. What it
 * asks of an org is written down first, under the lease, so that whoever drives next counts it and asks again; the
 * commands are the service's own, in the name of who started or approved the wave.
 */
export class WaveDriver {
  readonly #deps: WaveDriverDeps;
  readonly #stopping = new AbortController();
  /** When a command was last given, by wave, org and command (monotonic milliseconds); forgotten with the lease. */
  readonly #given = new Map<string, number>();
  #woken = new AbortController();
  #loop: Promise<void> = Promise.resolve();
  #started = false;
  #epoch = -1;

  constructor(deps: WaveDriverDeps) {
    this.#deps = deps;
  }

  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#loop = this.#rounds();
  }

  /** Somebody gave a wave a command: it is looked at now. */
  wake(): void {
    this.#woken.abort();
  }

  /** Lets go of the waves, so that another controller goes on at once. */
  async stop(): Promise<void> {
    if (!this.#started) return;
    this.#stopping.abort(new Error('the controller stops'));
    await this.#loop;
    const { store, instance, logger } = this.#deps;
    await store.letWavesGo(instance).catch((error: unknown) => {
      logger.warn({ err: error }, 'waves could not be handed over; others drive them after the grace time');
    });
  }

  async #rounds(): Promise<void> {
    const { clock, logger } = this.#deps;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      this.#woken = new AbortController();
      const beganMs = clock.monotonicMs();
      try {
        await this.#round();
      } catch (error) {
        const level = isTransient(error) ? 'warn' : 'error';
        logger[level]({ err: error }, 'a round of the waves failed');
      }
      const restMs = Math.min(longestRestMs, restFactor * (clock.monotonicMs() - beganMs));
      const either = AbortSignal.any([signal, this.#woken.signal]);
      await clock.sleep(Math.max(lookEveryMs, restMs), either).catch(() => {});
    }
  }

  async #round(): Promise<void> {
    const { store, instance, leaseMs, logger } = this.#deps;
    const lease = await store.keepWaves(instance, leaseOf(leaseMs));
    if (lease === null) return;
    if (lease.epoch !== this.#epoch) {
      this.#epoch = lease.epoch;
      this.#given.clear();
      logger.info({ epoch: lease.epoch }, 'drives the waves');
    }
    const picture = await readPicture(this.#deps);
    if (picture !== null) await this.#carryOut(picture, lease);
  }

  async #carryOut(picture: Picture, lease: WaveLease): Promise<void> {
    const waves = new Map(picture.waves.map((wave) => [wave.id, wave]));
    for (const { id, orders, next } of decide(picture)) {
      const wave = waves.get(id);
      if (wave === undefined) continue;
      if (next !== null) await this.#change(wave, next.state, next.reason, lease);
      for (const order of orders) {
        if (this.#stopping.signal.aborted) return;
        // A long round must not look like silence.
        const kept = await this.#deps.store.keepWaves(lease.instance, leaseOf(this.#deps.leaseMs));
        if (kept?.epoch !== lease.epoch) return;
        const goesOn = await this.#give(wave, order, lease);
        if (!goesOn) break;
      }
    }
  }

  async #change(wave: WavePicture, state: WaveState, reason: Reason | null, lease: WaveLease): Promise<void> {
    const { store, clock, logger } = this.#deps;
    const message = reason === null ? state : `${state}: ${reason.message}`;
    const done = await store.changeWave(
      wave,
      changed(wave, { state, reason, atMs: clock.nowMs(), message, ended: finalStates.has(state) }),
      lease,
    );
    if (!done) return;
    const fields = { wave: wave.id, state, code: reason?.code };
    if (reason === null) logger.info(fields, `wave ${message}`);
    else logger.error(fields, `wave ${message}`);
  }

  /** One order. False where the wave is to be looked at anew first. */
  async #give(wave: WavePicture, order: Order, lease: WaveLease): Promise<boolean> {
    const key = `${wave.id} ${order.orgId} ${order.kind}`;
    const nowMs = this.#deps.clock.monotonicMs();
    const lastMs = this.#given.get(key);
    if (lastMs !== undefined && nowMs - lastMs < againAfterMs) return true;
    // What was asked of the org by this controller is on its way; only what an earlier one wrote down may be lost.
    if (order.kind === 'withdraw' && this.#given.has(`${wave.id} ${order.orgId} letGo`)) return true;
    this.#given.set(key, nowMs);
    try {
      return await this.#carryOutOrder(wave, order, lease);
    } catch (error) {
      if (!(error instanceof CutoverError)) throw error;
      return await this.#refused(wave, order, error, lease);
    }
  }

  async #carryOutOrder(wave: WavePicture, order: Order, lease: WaveLease): Promise<boolean> {
    const { store } = this.#deps;
    const { id, document } = wave;
    const { orgId } = order;
    switch (order.kind) {
      case 'start': {
        if (!order.again && !(await store.askToStart(lease, id, orgId))) return false;
        await this.#start(wave, orgId);
        return true;
      }
      case 'letGo': {
        // Also one that was let go before: the wave may have been paused since the picture was taken.
        if (!(await store.letGo(lease, id, orgId, order.attempts))) return false;
        await this.#command(wave, order.migrationId, 'approve', approverOf(wave));
        return true;
      }
      case 'withdraw':
        return store.withdraw(lease, id, orgId);
      case 'cancel':
      case 'rollback':
        await this.#command(wave, order.migrationId, order.kind, document.ender ?? document.creator);
        return true;
    }
  }

  /** Creates the org's move unless it is there, and starts it. */
  async #start(wave: WavePicture, orgId: number): Promise<void> {
    const { document } = wave;
    const starter = document.starter ?? document.creator;
    const found = wave.orgs.find((org) => org.orgId === orgId)?.move ?? null;
    const migrationId = found?.migrationId ?? (await this.#create(wave, orgId, starter));
    await this.#command(wave, migrationId, 'start', starter);
  }

  async #create(wave: WavePicture, orgId: number, actor: WaveActor): Promise<string> {
    const { migrations, store } = this.#deps;
    // The wave lets its orgs go one by one: none of them may flip by itself.
    const policy = { ...definedOf(wave.document.settings.policy ?? {}), approval: 'manual' };
    try {
      const made = () => migrations.create({ orgId, policy, wave: wave.id }, actor);
      return (await this.#audited(wave, 'create', String(orgId), actor, made)).id;
    } catch (error) {
      if (!(error instanceof OrgAlreadyMovingError)) throw error;
      // A driver before this one made it, and died before it was seen.
      const own = (await store.waveMoves(wave.id)).find((move) => move.migrationId === error.migrationId);
      if (own === undefined) throw error;
      return own.migrationId;
    }
  }

  async #command(wave: WavePicture, migrationId: string, command: CommandName, actor: WaveActor): Promise<void> {
    const { migrations } = this.#deps;
    await this.#audited(wave, command, migrationId, actor, () =>
      migrations.command(migrationId, command, { reason: `wave ${wave.id}` }, actor),
    );
  }

  /** Into the audit log like every command: who gave it is who started or approved the wave. */
  async #audited<T>(
    wave: WavePicture,
    command: string,
    target: string,
    actor: WaveActor,
    work: () => Promise<T>,
  ): Promise<T> {
    const { name, role, from } = actor;
    const given = { actor: name, role, from, action: `wave ${command}`, target, requestId: wave.id };
    return recorded(this.#deps, { ...given, input: { wave: wave.id, name: wave.name } }, work);
  }

  async #refused(wave: WavePicture, order: Order, error: CutoverError, lease: WaveLease): Promise<boolean> {
    const { store, logger, clock } = this.#deps;
    const { code, message, remedy, details } = error;
    const { orgId, kind } = order;
    logger.warn({ wave: wave.id, org: orgId, order: kind, code, cause: message }, 'an order of a wave was refused');
    if (isTransient(error)) {
      this.#given.delete(`${wave.id} ${orgId} ${kind}`);
      return false;
    }
    if (kind === 'letGo') await store.withdraw(lease, wave.id, orgId);
    if (concernsTheWave.has(code)) {
      await this.#change(wave, 'paused', { code, message, remedy, details: { ...details } }, lease);
      return false;
    }
    if (kind === 'start' && !passes.has(code) && !(error instanceof CommandNotAllowedError)) {
      await store.refuseOrg(lease, wave.id, orgId, { code, message, remedy, details: { ...details } });
      // It may be the last that the wave bears: its stop rule is asked before anybody else is begun.
      return wave.document.settings.stop.stuck === null;
    }
    this.#given.set(`${wave.id} ${orgId} ${kind}`, clock.monotonicMs() - againAfterMs + refusedRestMs);
    return true;
  }
}

/** Nobody waits inside a pause for a wave: a driver may be slow for longer than an owner of orgs. */
function leaseOf(leaseMs: number): number {
  return Math.max(5_000, 3 * leaseMs);
}

/** Where the policy wants no approver, the wave itself lets its orgs go: nobody is named who did not say so. */
function approverOf({ id, document }: WavePicture): WaveActor {
  if (document.approver !== null) return document.approver;
  return { name: `wave ${id}`, role: 'approver', from: (document.starter ?? document.creator).from };
}
