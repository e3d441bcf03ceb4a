import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse, stringify } from 'yaml';
import { pollUntil } from '../../lab/databases/index.ts';
import { LabApi } from '../../lab/demo/api.ts';
import { type ControllerProcess, startController } from '../../lab/estate/controllerProcess.ts';
import { type Lab, startLab } from '../../lab/estate/lab.ts';
import type { Benchmark, BenchOptions, BenchResult } from '../benchmark.ts';
import { addCompleted, untilShared } from '../completed.ts';
import { ratio } from '../figures.ts';
import { machineNow } from '../machine.ts';

const orgs = 5_000;
const moving = 200;
const beginAtOnce = 10;
/** There and back: AWS grants 200 tasks of an instance, and more to who asks. */
const tasksPerMove = 2;
/** What the API of DMS allows: so many calls at once, and per second after that; AWS refills 4 to 8 a second. */
const apiRate = { burst: 200, perSecond: 8 };
/** What the figures are held to. */
const most = { cores: 0.5, memoryMb: 300 };
/** How long nothing changes while it is measured, and how long it comes to rest before (milliseconds). */
const measureMs = 30_000;
const restMs = 20_000;
/** Longest wait for all moves to be ready (milliseconds). */
const readyWithinMs = 900_000;

/** What one controller costs when nothing changes: thousands of orgs that have moved, hundreds that are under way. */
export const estate: Benchmark = {
  name: 'estate',
  about: `cores of a controller when nothing changes: ${orgs} orgs, ${moving} of them moving at once`,
  async run(options) {
    const lab = await startLab({
      orgs: moving,
      rows: 100,
      routing: 'comment',
      policy: { approval: 'manual' },
      dmsQuotas: { tasksPerInstance: tasksPerMove * moving },
      onProgress: (line) => options.say(line),
    });
    try {
      return await measure(lab, options);
    } finally {
      await lab.stop();
    }
  },
};

async function measure(lab: Lab, { signal, say }: BenchOptions): Promise<BenchResult> {
  const machine = machineNow();
  const done = orgs - moving;
  say(`${done} orgs that completed long ago, in the store and by rules of their own at ${lab.proxies.length} proxies`);
  await addCompleted(lab, done);
  const controller = await startController('estate', asInProduction(lab), lab.baseDir);
  try {
    const api = new LabApi(() => controller.api, lab.tokens);
    const startedMs = performance.now();
    await untilShared(api, done, signal);
    const sharedAfterMs = Math.round(performance.now() - startedMs);
    say(`all of them share their routes after ${sharedAfterMs} ms; ${moving} others begin to move`);
    await sleep(restMs / 2, undefined, { signal });
    const floor = await quiet(controller, lab.tokens.viewer, signal);
    const ids = await begin(
      api,
      lab.orgs.map(({ orgId }) => orgId),
      signal,
    );
    let ready = 0;
    await pollUntil(
      'all moves to be ready',
      async () => {
        signal.throwIfAborted();
        const now = await readyOf(api, ids);
        if (now !== ready) say(`${now} of ${moving} are ready`);
        ready = now;
        return now === moving;
      },
      { timeoutMs: readyWithinMs, everyMs: 2_000 },
    );
    await sleep(restMs, undefined, { signal });
    const busy = await quiet(controller, lab.tokens.viewer, signal);
    return {
      name: estate.name,
      value: busy.cores,
      unit: 'cores',
      floor: floor.cores,
      ratio: ratio(busy.cores, floor.cores),
      better: 'lower',
      toReach: `under ${most.cores} cores, ${most.memoryMb} MB and ${apiRate.perSecond} calls to DMS a second`,
      reached:
        busy.cores < most.cores && busy.memoryMostMb < most.memoryMb && busy.dmsCallsPerSecond < apiRate.perSecond,
      slowest: `the ${moving} moves: ${ratio(busy.cores - floor.cores, 1)} cores`,
      toHalve: 'heartbeats half as often where nobody is about to flip',
      orgs,
      moving,
      memoryMb: busy.memoryMb,
      memoryMostMb: busy.memoryMostMb,
      memoryIdleMb: floor.memoryMb,
      dmsCallsPerSecond: busy.dmsCallsPerSecond,
      dmsRefillPerSecond: apiRate.perSecond,
      sharedAfterMs,
      proxysql: lab.proxies[0]?.kind ?? 'stand-in',
      machine,
    };
  } finally {
    await controller.stop();
  }
}

/** The lab's configuration with production's pace: its tasks live a hundred times faster than real ones. */
function asInProduction(lab: Lab): { text: string; env: Record<string, string> } {
  const { text, env } = lab.config('estate');
  const config = parse(text) as { dms: object; routing: object };
  return {
    env,
    text: stringify({
      ...config,
      dms: { ...config.dms, pollIntervalMs: 5_000, settleMs: 2_000, apiRate },
      routing: { ...config.routing, upkeep: { everyMs: 10_000 } },
    }),
  };
}

/** Starts moves as a wave does, so many at once: the next begins when one is past what it asks of everybody. */
async function begin(api: LabApi, orgIds: readonly number[], signal: AbortSignal): Promise<string[]> {
  const waiting = [...orgIds];
  const ids: string[] = [];
  const one = async () => {
    for (let orgId = waiting.shift(); orgId !== undefined; orgId = waiting.shift()) {
      const { id } = await api.create(orgId);
      await api.command(id, 'start');
      ids.push(id);
      await pollUntil(
        `org ${orgId} to be loaded`,
        async () => {
          signal.throwIfAborted();
          const { state } = await api.get(id);
          return !/^(planned|preflight|snapshot)/.test(state);
        },
        { timeoutMs: readyWithinMs, everyMs: 250 },
      );
    }
  };
  await Promise.all(Array.from({ length: beginAtOnce }, one));
  return ids;
}

async function readyOf(api: LabApi, ids: readonly string[]): Promise<number> {
  const all = await Promise.all(ids.map((id) => api.get(id)));
  const lost = all.find(({ state }) => state === 'needsOperator' || state === 'cancelled');
  if (lost !== undefined) throw new Error(`org ${lost.orgId} is in ${lost.state}: ${lost.reason?.message}`);
  return all.filter(({ state }) => state === 'ready').length;
}

/** What the process takes while nothing changes. */
async function quiet({ pid, api }: ControllerProcess, token: string, signal: AbortSignal) {
  const [cpuBefore, callsBefore, startedMs] = [await cpuMs(pid), await dmsCalls(api, token), performance.now()];
  await sleep(measureMs, undefined, { signal });
  const tookMs = performance.now() - startedMs;
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const megabytes = (key: string) =>
    Math.round(Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? Number.NaN) / 1_024);
  return {
    cores: ratio((await cpuMs(pid)) - cpuBefore, tookMs),
    memoryMb: megabytes('VmRSS'),
    memoryMostMb: megabytes('VmHWM'),
    dmsCallsPerSecond: ratio((await dmsCalls(api, token)) - callsBefore, tookMs / 1_000),
  };
}

/** Time on a processor, user and system (milliseconds): the kernel counts in hundredths of a second. */
async function cpuMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** Calls to DMS since the controller started, by its own count. */
async function dmsCalls(api: string, token: string): Promise<number> {
  const reply = await fetch(`${api}/metrics`, { headers: { authorization: `Bearer ${token}` } });
  if (!reply.ok) throw new Error(`/metrics was answered with ${reply.status}`);
  const text = await reply.text();
  const counts = [...text.matchAll(/^bigdb_cutover_dms_call_duration_seconds_count\{.*\} (\d+)/gm)];
  return counts.reduce((sum, [, count]) => sum + Number(count), 0);
}
