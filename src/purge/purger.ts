import type { Logger } from '../driver/logger.ts';
import type { PurgeDeps } from './deps.ts';
import { runPurge } from './run.ts';

/** How often is looked for a purge that has no owner (milliseconds). */
const lookEveryMs = 1_000;

export interface PurgerDeps extends PurgeDeps {
  readonly logger: Logger;
  /** The controller, unique per process. */
  readonly instance: string;
  /** Silence after which another controller goes on (milliseconds). */
  readonly leaseMs: number;
}

/** Carries out what was ordered, one purge at a time, beside the moves: they know nothing of it. */
export class Purger {
  readonly #deps: PurgerDeps;
  readonly #stopping = new AbortController();
  #loop: Promise<void> | null = null;

  constructor(deps: PurgerDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#loop ??= this.#rounds();
  }

  /** Ends between two chunks, and lets go, so that another controller goes on at once. */
  async stop(): Promise<void> {
    if (this.#loop === null) return;
    this.#stopping.abort(new Error('the controller stops'));
    await this.#loop;
    const { estate, instance, logger } = this.#deps;
    await estate.store.letPurgesGo(instance).catch((error: unknown) => {
      logger.warn({ err: error }, 'a purge could not be handed over; others go on after the grace time');
    });
  }

  async #rounds(): Promise<void> {
    const { estate, instance, leaseMs, limits, logger } = this.#deps;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        const owned = await estate.store.claimPurge(instance, leaseMs, limits.atOnce);
        if (owned !== null) await runPurge(this.#deps, owned, { logger, signal });
      } catch (error) {
        logger.warn({ err: error }, 'purges cannot be carried out');
      }
      await estate.clock.sleep(lookEveryMs, signal).catch(() => {});
    }
  }
}
