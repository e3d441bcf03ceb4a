import type { Directory } from '../mysql/client/connection.ts';
import type { SimServer } from '../mysql/simServer.ts';
import { ConnectionLost } from '../net/link.ts';
import type { Network } from '../net/network.ts';
import type { SimProcess } from '../time/process.ts';
import type { Random } from '../time/random.ts';
import type { Scheduler } from '../time/scheduler.ts';

/** After this long without an answer a task takes a connection for lost (milliseconds). */
const PATIENCE_MS = 15_000;

/** What a task has around it. */
export class Surroundings implements Directory {
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly random: Random;
  readonly process: SimProcess;
  readonly server: (host: string) => SimServer;

  constructor(parts: {
    scheduler: Scheduler;
    network: Network;
    random: Random;
    process: SimProcess;
    server: (host: string) => SimServer;
  }) {
    this.scheduler = parts.scheduler;
    this.network = parts.network;
    this.random = parts.random;
    this.process = parts.process;
    this.server = parts.server;
  }

  /** The answer, or a lost connection when it takes too long. */
  within<T>(work: Promise<T>, ms: number = PATIENCE_MS): Promise<T> {
    return new Promise((resolve, reject) => {
      const cancel = this.scheduler.after(ms, () => reject(new ConnectionLost('ETIMEDOUT', 'no answer in time')));
      work.then(resolve, reject).finally(cancel);
    });
  }

  /** Resolves at the server's next commit, or after a while. */
  newEvent(host: string, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const over = () => {
        cancel();
        stop();
        resolve();
      };
      const stop = this.server(host).core.binlog.onCommit(over);
      const cancel = this.scheduler.after(ms, over);
    });
  }
}
