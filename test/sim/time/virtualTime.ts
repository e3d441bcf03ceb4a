import { setTimeout as sleep } from 'node:timers/promises';
import type { Scheduler } from './scheduler.ts';

/** How long to look away where nothing is scheduled (milliseconds of the machine's time). */
const idleMs = 1;

/** Has virtual time go on for suites that were written for real components: as fast as what happens in it allows. */
export class VirtualTime {
  readonly #scheduler: Scheduler;
  readonly #ended: Promise<void>;
  #stopped = false;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
    this.#ended = this.#go();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#ended;
  }

  async #go(): Promise<void> {
    while (!this.#stopped) {
      const happened = await this.#scheduler.step();
      // Also between two events the machine's own loop turns, so that a test that waits in vain can be ended.
      await (happened ? new Promise((resolve) => setImmediate(resolve)) : sleep(idleMs));
    }
  }
}
