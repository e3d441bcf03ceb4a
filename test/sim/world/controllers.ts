import type { Config } from '../../../src/config/index.ts';
import { startController } from '../../../src/controller.ts';
import { messageOf } from '../../../src/errors/index.ts';
import type { Knock } from '../../../src/ports/network.ts';
import type { MigrationService } from '../../../src/service/status.ts';
import type { Network } from '../net/network.ts';
import type { SimProxy } from '../proxy/simProxy.ts';
import { SimProcess } from '../time/process.ts';
import type { Random } from '../time/random.ts';
import type { Scheduler } from '../time/scheduler.ts';
import type { Databases } from './databases.ts';
import { exportFilesOf } from './exportFiles.ts';
import type { Story } from './story.ts';

/** What every controller of a world is given. */
export interface ControllerWorld {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly network: Network;
  readonly databases: Databases;
  readonly proxies: readonly SimProxy[];
  readonly story: Story;
}

/** Rest before a controller that could not start is started again (milliseconds). */
const startAgainMs = 1_000;

type Running = Awaited<ReturnType<typeof startController>>;

/** One controller's place: a process that can be killed, stopped and started again, each time with nothing in memory. */
export class SimController {
  readonly name: string;
  readonly #world: ControllerWorld;
  readonly #config: Config;
  #process: SimProcess;
  #running: Running | null = null;
  #starts = 0;
  readonly #exports = new Map<string, readonly string[]>();

  constructor(world: ControllerWorld, config: Config) {
    this.#world = world;
    this.#config = config;
    this.name = config.controller.name;
    this.#process = new SimProcess(this.name, world.scheduler);
    this.#process.kill();
  }

  get process(): SimProcess {
    return this.#process;
  }

  get service(): MigrationService | null {
    return this.#process.state === 'dead' ? null : (this.#running?.service ?? null);
  }

  /** The state that the machine is in, also one that lives in memory only; null where this controller does not own it. */
  stateOf(migrationId: string): string | null {
    if (this.#process.state === 'dead') return null;
    return this.#running?.driver.runner(migrationId)?.state ?? null;
  }

  /** What the status says that the migration waits for here. */
  waitsFor(migrationId: string): string | null {
    return this.#running?.driver.runner(migrationId)?.waitsFor ?? null;
  }

  start(): void {
    const { scheduler, story } = this.#world;
    this.#process.kill();
    this.#running = null;
    this.#starts += 1;
    const process = new SimProcess(this.name, scheduler);
    process.skewMs = this.#process.skewMs;
    this.#process = process;
    story.tell(this.name, `starts (${this.#starts})`);
    startController(this.#config, this.#logger(process), this.#machine(process)).then(
      (running) => {
        if (this.#process === process) this.#running = running;
      },
      (error: unknown) => {
        story.tell(this.name, `could not start: ${messageOf(error)}`);
        if (process.state === 'dead') return;
        process.kill();
        // As whatever supervises it does.
        scheduler.after(startAgainMs, () => {
          if (this.#process === process) this.start();
        });
      },
    );
  }

  /** As by SIGKILL. */
  kill(): void {
    this.#process.kill();
    this.#running = null;
  }

  /** As by SIGTERM: hands everything over and ends. */
  stopInOrder(): void {
    const process = this.#process;
    const running = this.#running;
    this.#running = null;
    const end = () => process.kill();
    if (running === null) end();
    else process.deliver(() => void running.stop().then(end, end));
  }

  #machine(process: SimProcess): NonNullable<Parameters<typeof startController>[2]> {
    const { databases, proxies } = this.#world;
    const random = this.#world.random.fork();
    return {
      clock: process.clock,
      ids: { uuid: () => random.uuid() },
      randomInt: (end) => random.integer(0, end - 1),
      openWire: databases.openWire(process),
      openStore: databases.openStore(process),
      dmsApi: (_, homeRegion) => databases.dmsApi(process, homeRegion),
      connectAdmin: ({ name }) => {
        const proxy = proxies.find((one) => one.name === name);
        if (proxy === undefined) throw new RangeError(`there is no proxy ${name}`);
        return proxy.connectAdmin(process);
      },
      compareOrg: databases.compareOrg,
      network: {
        knock: (host, _port, timeoutMs) => this.#knock(process, host, timeoutMs),
        resolve: async (host) => [host],
      },
      samples: false,
      openExports: () => exportFilesOf(this.name, this.#exports),
    };
  }

  /** At a proxy's port: nobody listens where its process is dead. */
  #knock(from: SimProcess, host: string, timeoutMs: number): Promise<Knock> {
    const { network, proxies } = this.#world;
    return new Promise((resolve) => {
      const cancel = from.clock.after(timeoutMs, () => resolve('silent'));
      const answered = (knock: Knock) => {
        cancel();
        resolve(knock);
      };
      const proxy = proxies.find(({ name }) => name === host);
      if (proxy === undefined) return answered('refused');
      network
        .connect(from, () => proxy.process)
        .then(
          (link) => {
            link.close();
            answered('open');
          },
          () => answered('refused'),
        );
    });
  }

  #logger(process: SimProcess): Parameters<typeof startController>[1] {
    const { story } = this.#world;
    const tell = (level: string) => (fields: unknown, message?: string) => {
      if (process.state === 'dead') return;
      const { err, org, effect } = fields as { err?: unknown; org?: number; effect?: string };
      const about = [
        effect,
        org === undefined ? undefined : `org ${org}`,
        err === undefined ? undefined : messageOf(err),
      ];
      story.tell(this.name, `${level}: ${message ?? ''} ${about.filter((one) => one !== undefined).join(': ')}`);
    };
    const silent = () => {};
    const logger = { debug: silent, info: silent, trace: silent, warn: tell('warn'), error: tell('error') };
    return logger as unknown as Parameters<typeof startController>[1];
  }
}
