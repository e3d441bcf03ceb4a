import type { DmsApi } from '../../../src/adapters/dms/api.ts';
import type { SimServer } from '../mysql/simServer.ts';
import type { Link } from '../net/link.ts';
import type { Network } from '../net/network.ts';
import { SimProcess } from '../time/process.ts';
import type { Random } from '../time/random.ts';
import type { Scheduler } from '../time/scheduler.ts';
import { RegionService, type SimRegion } from './service.ts';
import { Surroundings } from './surroundings.ts';
import { prepareTarget } from './target.ts';
import type { SimTask } from './task.ts';

export type { SimEndpoint, SimRegion } from './service.ts';

export interface SimDmsOptions {
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly random: Random;
  readonly regions: readonly SimRegion[];
  readonly server: (name: string) => SimServer;
  /** What happens to tasks, for the story. */
  readonly tell: (what: string) => void;
  /** What the simulation cannot do: the run has to fail. */
  readonly fault: (error: unknown) => void;
}

/** What can be done to a task that runs. */
export type TaskTrouble = 'fail' | 'stop' | 'tableError' | 'lag';

/** As the product's SDK client is set up (milliseconds). */
const REQUEST_TIMEOUT_MS = 15_000;
const LAG_MS = [100, 3_000] as const;
const LAG_LASTS_MS = [500, 8_000] as const;
/** A change that the network brought twice. */
const TWICE = { chance: 0.02, afterMs: [20, 4_000] } as const;

/**
 * DMS in virtual time: tasks with the life of the lab's stand-in that read a server's binlog and write to another. Their
 * connections are the network's; Describe lags behind; deletes are slow at times; a stopped task may be taken up again by
 * the service; a table in error stays behind while its task says that it runs.
 *
 * `conformance/` holds it to the suites of the stand-in. What it leaves out, so that it is proven there alone: types, LOBs
 * and definitions, filters but for equality, full-load tasks, starts at a time or checkpoint, reload, modification, batch
 * apply, policies other than the product's, caches and their stop reasons, counts of changes, quotas, pages.
 */
export class SimDms {
  /** Also the name by which partitions and weather know it. */
  readonly process: SimProcess;
  readonly #options: SimDmsOptions;
  readonly #world: Surroundings;
  readonly #services: ReadonlyMap<string, RegionService>;

  private constructor(options: SimDmsOptions) {
    this.#options = options;
    this.process = new SimProcess('dms', options.scheduler);
    const { scheduler, network, random, server } = options;
    this.#world = new Surroundings({ scheduler, network, random, process: this.process, server });
    this.#services = new Map(
      options.regions.map((region) => [
        region.homeRegion,
        new RegionService(region, this.#world, options.tell, options.fault),
      ]),
    );
  }

  static async make(options: SimDmsOptions): Promise<SimDms> {
    const targets = options.regions.flatMap(({ endpoints }) => endpoints.filter(({ side }) => side === 'target'));
    for (const name of new Set(targets.map((target) => target.server))) await prepareTarget(options.server(name));
    return new SimDms(options);
  }

  get tasks(): readonly SimTask[] {
    return [...this.#services.values()].flatMap((service) => service.tasks);
  }

  /** The region's API as a controller's process reaches it. */
  api(client: SimProcess, homeRegion: string): DmsApi {
    const service = this.#services.get(homeRegion);
    if (service === undefined) throw new RangeError(`the simulated DMS has no region ${homeRegion}`);
    const read = (work: () => unknown, signal: AbortSignal) => this.#call(client, signal, work);
    const change = (work: () => unknown, signal: AbortSignal) =>
      this.#call(client, signal, () => this.#maybeTwice(work));
    return {
      describeTasks: (request, signal) => read(() => service.describeTasks(request), signal),
      describeTableStatistics: (request, signal) => read(() => service.describeTableStatistics(request), signal),
      createTask: (request, signal) => change(() => service.createTask(request), signal),
      startTask: (request, signal) => change(() => service.startTask(request), signal),
      stopTask: ({ taskArn }, signal) => change(() => service.stopTask(taskArn), signal),
      deleteTask: ({ taskArn }, signal) => change(() => service.deleteTask(taskArn), signal),
      describeConnections: (request, signal) => read(() => service.describeConnections(request), signal),
      testConnection: ({ instanceArn, endpointArn }, signal) =>
        change(() => service.testConnection(instanceArn, endpointArn), signal),
      describeInstances: (_, signal) => read(() => service.describeInstances(), signal),
      describeEndpoints: (_, signal) => read(() => service.describeEndpoints(), signal),
      describeAccountAttributes: (signal) => read(() => service.describeAccountAttributes(), signal),
      close: () => {},
    };
  }

  /** Does something to a task that runs; answers with what, or null where none does. */
  trouble(kind: TaskTrouble): string | null {
    const { random, scheduler } = this.#options;
    const running = this.tasks.filter(({ status }) => status === 'running');
    if (running.length === 0) return null;
    const task = random.pick(running);
    switch (kind) {
      case 'lag':
        task.lagMs = random.between(...LAG_MS);
        scheduler.after(random.between(...LAG_LASTS_MS), () => {
          task.lagMs = 0;
        });
        break;
      case 'tableError':
        task.failTable(random.pick(task.mapping.tables).name);
        break;
      case 'fail':
        task.interrupt('failed', random.pick(['FATAL_ERROR', 'RECOVERABLE_ERROR']), 'an error was injected');
        break;
      case 'stop':
        task.interrupt('stopped', random.pick(['NORMAL', 'RECOVERABLE_ERROR', 'STOPPED_DUE_TO_LOW_MEMORY']), null);
    }
    return task.definition.id;
  }

  /** One request and its answer, over a connection of its own. */
  async #call(client: SimProcess, signal: AbortSignal, work: () => unknown): Promise<unknown> {
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      let link: Link | null = null;
      let over = false;
      const end = (settle: () => void) => {
        if (over) return;
        over = true;
        cancel();
        signal.removeEventListener('abort', onAbort);
        link?.close();
        settle();
      };
      const onAbort = () => end(() => reject(signal.reason));
      signal.addEventListener('abort', onAbort, { once: true });
      const cancel = client.clock.after(REQUEST_TIMEOUT_MS, () =>
        end(() => reject(new DOMException('no answer in time', 'TimeoutError'))),
      );
      this.#options.network
        .connect(client, () => this.process)
        .then((opened) => {
          link = opened;
          if (over) opened.close();
          else return opened.request(work);
        })
        .then(
          (answer) => end(() => resolve(answer)),
          (error) => end(() => reject(error)),
        );
    });
  }

  #maybeTwice(work: () => unknown): unknown {
    const { random, scheduler } = this.#options;
    if (random.chance(TWICE.chance)) {
      scheduler.after(random.between(...TWICE.afterMs), () => {
        try {
          work();
        } catch (error) {
          this.#options.tell(`the second of two: ${error instanceof Error ? error.message : error}`);
        }
      });
    }
    return work();
  }
}
