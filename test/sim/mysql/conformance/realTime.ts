import { Network } from '../../net/network.ts';
import { SimProcess } from '../../time/process.ts';
import { Random } from '../../time/random.ts';
import { Scheduler } from '../../time/scheduler.ts';
import type { Directory } from '../client/connection.ts';
import { storePoolsOf } from '../client/storePool.ts';
import { wiresOf } from '../client/wire.ts';
import { SimServer } from '../simServer.ts';
import { isServerError } from './connection.ts';

/** Port of the simulated server; nobody listens at any other. */
const PORT = 3_306;

/** A simulated server in the machine's own time, for suites that were written for real ones. */
export class RealTime {
  readonly server: SimServer;
  readonly client: SimProcess;
  readonly directory: Directory;
  readonly #scheduler = new Scheduler();
  readonly #startedMs = performance.now();
  readonly #faults: unknown[] = [];
  #timer: NodeJS.Timeout | null = null;
  #stepping: Promise<void> | null = null;
  #closed = false;

  constructor(flavour: 'mariadb' | 'mysql', name: string) {
    const scheduler = this.#scheduler;
    this.server = new SimServer({
      name,
      flavour,
      serverId: 1,
      domain: 0,
      scheduler,
      fault: (error) => this.#faults.push(error),
    });
    this.client = new SimProcess('client', scheduler);
    for (const process of [this.server.process, this.client]) process.skewMs = Date.now() - process.clock.nowMs();
    const network = new Network(scheduler, new Random(1), () => {});
    const nobody = new SimServer({ name: 'nobody', flavour, serverId: 9, domain: 9, scheduler, fault: () => {} });
    nobody.crash();
    this.directory = { network, server: (_, port) => (port === PORT ? this.server : nobody) };
    this.#go();
  }

  get port(): number {
    return PORT;
  }

  /** What adapters take instead of the machine. */
  get machine() {
    const { client, directory } = this;
    let slot = 0;
    return {
      clock: client.clock,
      openWire: wiresOf(client, directory),
      randomInt: (end: number) => {
        slot += 1;
        return slot % end;
      },
    };
  }

  get openStore() {
    return storePoolsOf(this.client, this.directory);
  }

  /** Ends it; throws where SQL was sent that the server does not know. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#stepping;
    const [first] = this.#faults.filter((fault) => !isServerError(fault));
    if (first !== undefined) throw first;
  }

  /** Lets happen what is due, and comes back when the next thing is. */
  #go(): void {
    this.#stepping = this.#stepWhatIsDue().then(() => {
      this.#stepping = null;
      if (this.#closed) return;
      const nextAtMs = this.#scheduler.nextAtMs ?? Number.POSITIVE_INFINITY;
      this.#timer = setTimeout(() => this.#go(), Math.max(0, Math.min(1, nextAtMs - this.#elapsedMs())));
    });
  }

  async #stepWhatIsDue(): Promise<void> {
    // Time goes on also where nothing happens, or what is scheduled next would count from long ago.
    this.#scheduler.after(this.#elapsedMs() - this.#scheduler.nowMs, () => {});
    while ((this.#scheduler.nextAtMs ?? Number.POSITIVE_INFINITY) <= this.#elapsedMs()) await this.#scheduler.step();
  }

  #elapsedMs(): number {
    return performance.now() - this.#startedMs;
  }
}
