import { setTimeout as sleep } from 'node:timers/promises';
import { createConnection } from 'mysql2/promise';
import type { Lab } from '../../infra/lab/estate/lab.ts';

const everyMs = 50;
/** Steps one behind the other with which an attempt ends whose budget is spent: decision, fences, routes on every proxy. */
const stepsOfAnAbort = 10;

/** How long the machine itself stood still while a test ran: a timer and one question to the store and to each proxy. */
export class Stalls {
  readonly #stopping = new AbortController();
  #loop: Promise<void> = Promise.resolve();
  #longestMs = 0;

  static async start({ control, proxies }: Lab): Promise<Stalls> {
    const stalls = new Stalls();
    const { host, port, user, password } = control.store;
    const connections = await Promise.all([
      createConnection({ host, port, user, password }),
      ...proxies.map((proxy) =>
        createConnection({
          host: proxy.host,
          port: proxy.adminPort,
          user: proxy.adminUser,
          password: proxy.adminPassword,
        }),
      ),
    ]);
    const round = async () => {
      const startedMs = performance.now();
      await sleep(everyMs);
      await Promise.all(connections.map((connection) => connection.query('SELECT 1')));
      stalls.#longestMs = Math.max(stalls.#longestMs, performance.now() - startedMs - everyMs);
    };
    stalls.#loop = (async () => {
      try {
        while (!stalls.#stopping.signal.aborted) await round();
      } finally {
        for (const connection of connections) connection.destroy();
      }
    })();
    return stalls;
  }

  /** What a hold may take longer on this machine than on one that is never busy (milliseconds). */
  async stop(): Promise<number> {
    this.#stopping.abort();
    await this.#loop;
    return this.#longestMs * stepsOfAnAbort;
  }
}
