import { parse, stringify } from 'yaml';
import { pollUntil } from '../../lab/databases/index.ts';
import { LabApi } from '../../lab/demo/api.ts';
import { type Stage, toReady, until } from '../../lab/demo/stage.ts';
import { ArmedFailpoints } from '../../lab/estate/armedFailpoints.ts';
import { type ControllerProcess, startController } from '../../lab/estate/controllerProcess.ts';
import { type Lab, startLab } from '../../lab/estate/lab.ts';
import { startWorkload, type Workload } from '../../lab/workload/index.ts';
import type { Benchmark, BenchOptions, BenchResult } from '../benchmark.ts';
import { figuresOf, percentile, ratio, round } from '../figures.ts';

/** Silence after which another controller takes over: the default of the configuration (milliseconds). */
const leaseMs = 2_000;
/** What the take-over may need beside it (milliseconds). */
const besideLeaseMs = 500;
/** Where the owner dies: nothing is decided yet, and the next one goes back to the source. */
const undecided = ['flip.hold.after', 'flip.fence.after', 'flip.marker.after', 'flip.park.after'] as const;
/** Decided and not released: the next one goes on to the cluster. It is the last kill, since the org stays there. */
const committed = 'flip.commit.after';
/** Nobody waits that long for a write that is not held (milliseconds). */
const waitingMs = 50;
const kills = [...undecided, ...undecided, committed];
const clients = { writersPerProxy: 2, readersPerProxy: 1, ratePerOrg: 80, readsPerOrg: 20, jobInstancesPerProxy: 0 };
const policy = { flipTries: 1, soakMs: 600_000 } as const;

/** One death, as the clients of the held org saw it (milliseconds). */
interface Death {
  readonly point: string;
  readonly servedAfterMs: number;
  /** Until the standby had the migration, of these. */
  readonly takenAfterMs: number;
}

/** How long an org stays held when its controller dies in the hold. */
export const recovery: Benchmark = {
  name: 'recovery',
  about: 'SIGKILL of the owner in the hold, with a standby: until the org is served again',
  async run(options) {
    const lab = await startLab({ orgs: 1, policy, onProgress: (line) => options.say(line) });
    try {
      return await measure(lab, options);
    } finally {
      await lab.stop();
    }
  },
};

async function measure(lab: Lab, { signal, say }: BenchOptions): Promise<BenchResult> {
  const controllers = new Controllers(lab);
  const workload = await startWorkload({ proxies: lab.proxies, orgs: lab.orgs, routing: lab.routing, ...clients });
  try {
    await controllers.fill();
    const api = new LabApi(() => controllers.newest.api, lab.tokens);
    const orgId = lab.orgs[0]?.orgId ?? 0;
    const stage: Stage = { lab, controller: controllers.newest, workload, api, seen: new Map(), signal, say };
    const id = await toReady(stage, orgId);
    const deaths: Death[] = [];
    for (const point of kills) {
      signal.throwIfAborted();
      deaths.push(await dieAt(stage, controllers, { id, orgId, point }));
      say(`${point}: served again after ${round(deaths.at(-1)?.servedAfterMs ?? 0)} ms`);
      await controllers.fill();
    }
    return resultOf(lab, workload, deaths);
  } finally {
    await workload.stop();
    await controllers.stop();
  }
}

/** Lets the flip come to the point, and kills its controller there. */
async function dieAt(
  stage: Stage,
  controllers: Controllers,
  { id, orgId, point }: { id: string; orgId: number; point: string },
): Promise<Death> {
  const { api, workload, say } = stage;
  await controllers.arm([`${point}@${orgId}=hang`]);
  await api.command(id, 'approve');
  await controllers.untilReached();
  // At the first of these points the hold is so fresh that nobody may have met it yet.
  await pollUntil(
    'a client of the held org to wait',
    async () => workload.answeredAfterMs(orgId, 'write', Date.now() - waitingMs) === null,
  );
  const { owner } = await api.get(id);
  const killedAtMs = await controllers.kill(owner);
  const servedAfterMs = await pollUntil('the clients of the held org to be answered', async () => {
    const afterMs = workload.answeredAfterMs(orgId, 'write', killedAtMs);
    return afterMs !== null && afterMs > 0 && afterMs;
  });
  const rest = point === committed ? 'soaking' : 'ready';
  await until(stage, id, rest, ({ state }) => state.startsWith(rest));
  const events = await api.events(id);
  if (servedAfterMs > leaseMs + besideLeaseMs) {
    for (const { at, state, message } of events.slice(-20)) say(`${at} ${state}: ${message}`);
  }
  const taken = events.findLast(({ data }) => data.event === 'recover');
  return { point, servedAfterMs, takenAfterMs: taken === undefined ? 0 : Date.parse(taken.at) - killedAtMs };
}

function resultOf(lab: Lab, workload: Workload, deaths: readonly Death[]): BenchResult {
  const served = figuresOf(deaths.map(({ servedAfterMs }) => servedAfterMs));
  const takenMs = percentile(
    deaths.map(({ takenAfterMs }) => takenAfterMs),
    0.5,
  );
  return {
    name: recovery.name,
    value: served.max,
    unit: 'ms',
    floor: leaseMs,
    ratio: ratio(served.max, leaseMs),
    better: 'lower',
    toReach: `the longest within the lease time-out + ${besideLeaseMs} ms, no client error`,
    reached: served.max <= leaseMs + besideLeaseMs && workload.clientErrors === 0,
    slowest: `silence until the standby may take over: ${takenMs} of ${served.p50} ms at the median`,
    toHalve: 'a shorter `controller.leaseMs`: it has to outlast pauses of a process and failovers of the store',
    kills: deaths.length,
    served,
    deaths: deaths.map((death) => ({ ...death, servedAfterMs: round(death.servedAfterMs) })),
    clientErrors: workload.clientErrors,
    proxysql: lab.proxies[0]?.kind ?? 'stand-in',
  };
}

/** An owner and one that stands by, told through a file where to stop. */
class Controllers {
  readonly #lab: Lab;
  readonly #failpoints: ArmedFailpoints;
  #alive: ControllerProcess[] = [];
  #started = 0;

  constructor(lab: Lab) {
    this.#lab = lab;
    this.#failpoints = new ArmedFailpoints(lab.baseDir);
  }

  /** The one that stands by: it outlives the next death. */
  get newest(): ControllerProcess {
    const newest = this.#alive.at(-1);
    if (newest === undefined) throw new Error('no controller is alive');
    return newest;
  }

  async fill(): Promise<void> {
    if (this.#started === 0) await this.arm([]);
    while (this.#alive.length < 2) {
      this.#started += 1;
      const name = `controller-${this.#started}`;
      const { text, env } = this.#lab.config(name);
      const config = parse(text);
      Object.assign(config.controller, { leaseMs, failpoints: true });
      const file = { text: stringify(config), env: { ...env, ...this.#failpoints.env } };
      this.#alive.push(await startController(name, file, this.#lab.baseDir));
    }
  }

  arm(points: readonly string[]): Promise<void> {
    return this.#failpoints.arm(points);
  }

  async untilReached(): Promise<void> {
    await pollUntil('the owner to come to the point', async () => (await this.#failpoints.left()).length === 0, {
      everyMs: 5,
    });
  }

  /** Resolves to the moment (epoch milliseconds). */
  async kill(owner: string | null): Promise<number> {
    const killed = this.#alive.find(({ name }) => owner?.startsWith(`${name}-`));
    if (killed === undefined) throw new Error(`no living controller is ${owner}`);
    const killedAtMs = Date.now();
    await killed.kill('SIGKILL');
    this.#alive = this.#alive.filter((each) => each !== killed);
    return killedAtMs;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#alive.map((controller) => controller.stop()));
  }
}
