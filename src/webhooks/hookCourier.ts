import type { Logger } from '../driver/logger.ts';
import { messageOf } from '../errors/index.ts';
import type { Clock } from '../ports/clock.ts';
import type { Delivery, TryOutcome, WebhookStore } from '../ports/webhooks.ts';
import { judge } from './judge.ts';
import { type Receiver, send } from './send.ts';

/** A hook as it is delivered to. */
export interface Hook extends Receiver {
  readonly name: string;
  readonly giveUpAfterMs: number;
}

export interface CourierDeps {
  readonly store: WebhookStore;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The controller, unique per process. */
  readonly instance: string;
  /** Silence after which another controller delivers (milliseconds). */
  readonly leaseMs: number;
  /** Told of every try. */
  onTry(hook: string, outcome: TryOutcome['outcome']): void;
}

/** How often is looked for what is due, unless something ended just now (milliseconds). */
const lookEveryMs = 1_000;
/** Requests under way at once, each of another migration. */
const atOnce = 8;
/** A look rests so many times as long as it took, so that a long backlog costs the store little; at most so long. */
const restFactor = 20;
const longestRestMs = 5_000;
/** Rest before the record of a try is tried again (milliseconds). */
const recordAgainMs = 1_000;
/** What is kept of deliveries (milliseconds): longer than any hook may wait. */
const keptForMs = 14 * 86_400_000;
const dropEveryMs = 3_600_000;

/**
 * Delivers for one hook while its lease is this controller's. Of one migration there is one request at a time, so that
 * its changes arrive in order; others do not wait for it. What ended without a record is sent again, under the same id.
 */
export class HookCourier {
  readonly #hook: Hook;
  readonly #deps: CourierDeps;
  readonly #stopping = new AbortController();
  readonly #givenUp = new AbortController();
  readonly #underWay = new Map<string, Promise<void>>();
  #woken = new AbortController();
  #loop: Promise<void> = Promise.resolve();
  #failing = false;
  #dropAtMs = 0;

  constructor(hook: Hook, deps: CourierDeps) {
    this.#hook = hook;
    this.#deps = deps;
  }

  start(): void {
    this.#loop = this.#rounds();
  }

  /** Begins nothing more; requests under way have `graceMs` for their end. */
  async stop(graceMs: number): Promise<void> {
    const { clock } = this.#deps;
    this.#stopping.abort(new Error('the controller stops'));
    await this.#loop;
    const stop = clock.after(graceMs, () => this.#givenUp.abort(new Error('the controller stops')));
    await Promise.all(this.#underWay.values());
    stop();
  }

  async #rounds(): Promise<void> {
    const { store, logger, instance, leaseMs } = this.#deps;
    const { name } = this.#hook;
    while (!this.#stopping.signal.aborted) {
      this.#woken = new AbortController();
      let restMs = 0;
      try {
        if (await store.keepHook(name, instance, leaseMs)) restMs = await this.#look();
      } catch (error) {
        logger.warn({ hook: name, err: error }, 'webhooks cannot be looked for');
      }
      await this.#sleep(lookEveryMs, this.#woken.signal);
      await this.#sleep(restMs);
    }
  }

  async #sleep(ms: number, woken?: AbortSignal): Promise<void> {
    const { signal } = this.#stopping;
    await this.#deps.clock.sleep(ms, woken === undefined ? signal : AbortSignal.any([signal, woken])).catch(() => {});
  }

  /** Begins what is due; answers with the rest that this look has to be followed by (milliseconds). */
  async #look(): Promise<number> {
    const { clock, store } = this.#deps;
    const beganMs = clock.monotonicMs();
    if (beganMs >= this.#dropAtMs) {
      this.#dropAtMs = beganMs + dropEveryMs;
      await store.dropDeliveries(keptForMs);
    }
    const free = atOnce - this.#underWay.size;
    if (free === 0) return 0;
    for (const delivery of await store.dueDeliveries(this.#hook.name, [...this.#underWay.keys()], free)) {
      this.#underWay.set(delivery.migrationId, this.#deliver(delivery));
    }
    return Math.min(longestRestMs, restFactor * (clock.monotonicMs() - beganMs));
  }

  /** One try, recorded. */
  async #deliver(delivery: Delivery): Promise<void> {
    const { clock } = this.#deps;
    let taken = false;
    try {
      const answer = await send(delivery, this.#hook, { clock, signal: this.#givenUp.signal });
      const tried = judge(delivery, answer, this.#hook.giveUpAfterMs);
      this.#tell(delivery, tried);
      await this.#record(delivery, tried);
      taken = tried.outcome === 'delivered';
    } catch (error) {
      this.#deps.logger.info(
        { hook: this.#hook.name, delivery: delivery.id, cause: messageOf(error) },
        'a webhook was left without a record; whoever delivers next sends it again',
      );
    } finally {
      this.#underWay.delete(delivery.migrationId);
      // A receiver that takes nothing is asked less often.
      if (taken) this.#woken.abort();
    }
  }

  /** Until the store has it: what is not recorded is sent again. */
  async #record({ seq, id }: Delivery, tried: TryOutcome): Promise<void> {
    const { store, clock, logger } = this.#deps;
    for (;;) {
      try {
        return await store.recordTry(seq, tried);
      } catch (error) {
        logger.warn({ hook: this.#hook.name, delivery: id, err: error }, 'a delivery was not recorded; trying again');
        await clock.sleep(recordAgainMs, this.#givenUp.signal);
      }
    }
  }

  /** The log says when trouble begins and ends, and what is lost; not every try. */
  #tell({ id, migrationId, tries }: Delivery, { outcome, answer, againInMs }: TryOutcome): void {
    const { logger, onTry } = this.#deps;
    const fields = { hook: this.#hook.name, delivery: id, migration: migrationId, tries: tries + 1, answer };
    onTry(this.#hook.name, outcome);
    if (outcome === 'givenUp') logger.error(fields, 'a webhook was given up');
    else if (outcome === 'failed' && !this.#failing) logger.warn({ ...fields, againInMs }, 'a webhook was not taken');
    else if (outcome === 'delivered' && this.#failing) logger.info(fields, 'webhooks are taken again');
    else logger.debug(fields, `webhook ${outcome}`);
    this.#failing = outcome !== 'delivered';
  }
}
