import { type CourierDeps, type Hook, HookCourier } from './hookCourier.ts';

/** How long requests under way may take when the controller stops (milliseconds). */
const graceMs = 2_000;

/** Delivers for every hook of the configuration. Beside the moves: they write what is to be told, and wait for nothing. */
export class Couriers {
  readonly #deps: CourierDeps;
  readonly #couriers: readonly HookCourier[];
  #started = false;

  constructor(hooks: readonly Hook[], deps: CourierDeps) {
    this.#deps = deps;
    this.#couriers = hooks.map((hook) => new HookCourier(hook, deps));
  }

  start(): void {
    if (this.#started) return;
    this.#started = true;
    for (const courier of this.#couriers) courier.start();
  }

  /** Lets go of the hooks, so that another controller goes on at once. */
  async stop(): Promise<void> {
    if (!this.#started || this.#couriers.length === 0) return;
    await Promise.all(this.#couriers.map((courier) => courier.stop(graceMs)));
    const { store, instance, logger } = this.#deps;
    await store.letHooksGo(instance).catch((error: unknown) => {
      logger.warn({ err: error }, 'webhooks could not be handed over; others deliver after the grace time');
    });
  }
}
