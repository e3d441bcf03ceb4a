import { createStore } from '../../../src/adapters/store/store.ts';
import { makeTempFolder, onServer, removeFolder, startMariaDb } from '../../lab/databases/index.ts';
import type { Benchmark, BenchOptions, BenchResult } from '../benchmark.ts';
import { percentile, ratio } from '../figures.ts';
import { type Bare, writeBare } from './bare.ts';
import { type Crowd, moveCrowd } from './moves.ts';

const moves = 200;
/** Times that driver and floor take turns, so that a machine's moods meet both; one more comes first and is not counted. */
const turns = 5;
const database = 'bench_store';

/** How fast the driver takes many migrations through the machine, beside the transactions alone. */
export const driver: Benchmark = {
  name: 'driver',
  about: `state transitions per second through the real store, ${moves} migrations at once`,
  async run(options) {
    const baseDir = await makeTempFolder('bigdb-cutover-bench-');
    try {
      const server = await startMariaDb({ name: 'store', baseDir });
      try {
        const { host, port, user, password, version } = server;
        await onServer(server, (connection) => connection.query(`CREATE DATABASE ${database}`));
        return { ...(await measure({ host, port, user, password, database }, options)), store: `MariaDB ${version}` };
      } finally {
        await server.stop();
      }
    } finally {
      await removeFolder(baseDir);
    }
  },
};

async function measure(config: Parameters<typeof createStore>[0], { signal, say }: BenchOptions): Promise<BenchResult> {
  const store = createStore(config);
  try {
    await store.migrate();
    const rounds: { readonly crowd: Crowd; readonly bare: Bare }[] = [];
    for (let turn = 0; turn <= turns; turn++) {
      signal.throwIfAborted();
      const crowd = await moveCrowd(store, moves, 1 + turn * moves, signal);
      const bare = await writeBare(config, crowd.steps);
      const { length } = crowd.steps;
      say(`${length} steps in ${Math.round(crowd.tookMs)} ms, bare in ${Math.round(bare.tookMs)} ms`);
      if (turn > 0) rounds.push({ crowd, bare });
    }
    return resultOf(rounds);
  } finally {
    await store.close();
  }
}

function resultOf(rounds: readonly { readonly crowd: Crowd; readonly bare: Bare }[]): BenchResult {
  const median = (of: (round: (typeof rounds)[number]) => number) => percentile(rounds.map(of), 0.5);
  const steps = rounds[0]?.crowd.steps.length ?? 0;
  const perSecond = (tookMs: number) => Math.round((steps / tookMs) * 1_000);
  const value = perSecond(median(({ crowd }) => crowd.tookMs));
  const floor = perSecond(median(({ bare }) => bare.tookMs));
  const cpuUs = Math.round(median(({ crowd }) => crowd.cpuUs) / steps);
  const floorCpuUs = Math.round(median(({ bare }) => bare.cpuUs) / steps);
  return {
    name: driver.name,
    value,
    unit: 'steps/s',
    floor,
    ratio: ratio(value, floor),
    ratios: { processor: ratio(floorCpuUs, cpuUs) },
    better: 'higher',
    toReach: 'half of the floor or better',
    reached: value >= floor / 2,
    slowest: `the controller's own work: ${cpuUs} µs of processor a step, ${floorCpuUs} of them for a bare transaction`,
    toHalve: 'nothing within one process: round trips are down to two a step; more controllers share the work',
    moves,
    steps,
    cpuUs,
    floorCpuUs,
  };
}
