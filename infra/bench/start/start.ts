import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { pollUntil } from '../../lab/databases/index.ts';
import { startController } from '../../lab/estate/controllerProcess.ts';
import { type Lab, startLab } from '../../lab/estate/lab.ts';
import type { Benchmark, BenchOptions, BenchResult } from '../benchmark.ts';
import { figuresOf, percentile, ratio, slowestOf } from '../figures.ts';
import { fillStore } from '../fill.ts';

/** Moves that have ended, and some that wait: those are taken up by whoever starts. */
const filling = { moved: 10_000, planned: 200 } as const;
/** Times that floor and controller take turns; one more comes first and is not counted. */
const turns = 5;
const toReachMs = 2_000;

/** One start (milliseconds since the process was asked for). */
interface Start {
  readonly listeningMs: number;
  readonly readyMs: number;
  /** Processor until it was ready. */
  readonly cpuMs: number;
}

/** How soon a controller is of use after its start. */
export const start: Benchmark = {
  name: 'start',
  about: `controller start to /readyz with ${filling.moved} migrations in the store, and ${filling.planned} that it takes up`,
  async run(options) {
    const lab = await startLab({ orgs: 1, rows: 100, onProgress: (line) => options.say(line) });
    try {
      return await measure(lab, options);
    } finally {
      await lab.stop();
    }
  },
};

async function measure(lab: Lab, { signal, say }: BenchOptions): Promise<BenchResult> {
  const { host, port } = lab.control.store;
  const { user, password, database } = lab.storeAccount;
  say(`filling ${filling.moved} migrations into the store`);
  await fillStore({ host, port, user, password, database }, filling, signal);
  const floors: number[] = [];
  const starts: Start[] = [];
  for (let turn = 0; turn <= turns; turn++) {
    signal.throwIfAborted();
    const floorMs = await bareStartMs();
    const started = await startOnce(lab, turn);
    say(`bare ${Math.round(floorMs)} ms; ready after ${Math.round(started.readyMs)} ms`);
    if (turn === 0) continue;
    floors.push(floorMs);
    starts.push(started);
  }
  const ready = figuresOf(starts.map(({ readyMs }) => readyMs));
  const floor = percentile(floors, 0.5);
  const listeningMs = percentile(
    starts.map((each) => each.listeningMs),
    0.5,
  );
  const parts = {
    'program, store and what waits in it': listeningMs,
    'asking every dependency': Math.round(ready.p50 - listeningMs),
  };
  return {
    name: start.name,
    value: ready.p50,
    unit: 'ms',
    floor,
    ratio: ratio(ready.p50, floor),
    better: 'lower',
    toReach: `within ${toReachMs} ms`,
    reached: ready.p50 <= toReachMs,
    slowest: slowestOf(parts),
    toHalve: 'fewer modules: what Node compiled of them is kept from one start to the next already',
    ready,
    parts,
    cpuMs: percentile(
      starts.map(({ cpuMs }) => cpuMs),
      0.5,
    ),
  };
}

/** A Node that has nothing to do, until it has ended. */
async function bareStartMs(): Promise<number> {
  const startedAtMs = performance.now();
  const child = spawn(process.execPath, ['--eval', ''], { stdio: 'ignore' });
  await once(child, 'exit');
  return performance.now() - startedAtMs;
}

async function startOnce(lab: Lab, turn: number): Promise<Start> {
  const name = `controller-${turn}`;
  const startedAtMs = performance.now();
  const controller = await startController(name, lab.config(name), lab.baseDir);
  try {
    const listeningMs = performance.now() - startedAtMs;
    await pollUntil('the controller to be ready', async () => (await fetch(`${controller.api}/readyz`)).ok, {
      everyMs: 5,
    });
    return { listeningMs, readyMs: performance.now() - startedAtMs, cpuMs: await cpuMsOf(controller.pid) };
  } finally {
    await controller.stop();
  }
}

/** Processor that a process has used; its clock ticks a hundred times a second on Linux. */
async function cpuMsOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const [user = 0, system = 0] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number);
  return (user + system) * 10;
}
