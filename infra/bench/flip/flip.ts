import type { Attempt } from '../../../src/service/status.ts';
import { LabApi } from '../../lab/demo/api.ts';
import { clusterSide, type FlipSpan, flipsOf, servedBy } from '../../lab/demo/served.ts';
import { type Stage, toReady, toSoaking, until } from '../../lab/demo/stage.ts';
import { type Lab, startLab } from '../../lab/estate/lab.ts';
import { type StatementKind, startWorkload, type Workload } from '../../lab/workload/index.ts';
import type { Benchmark, BenchOptions, BenchResult } from '../benchmark.ts';
import { figuresOf, percentile, ratio, round, slowestOf } from '../figures.ts';
import { FloorByHand, type FloorSample } from './floor.ts';
import { soundnessOf } from './soundness.ts';

/** 16 writers and 4 readers of one org, at the rates that two cores carry with everything else of the lab. */
export const proxies = 4;
export const clients = {
  writersPerProxy: 4,
  readersPerProxy: 1,
  ratePerOrg: 160,
  readsPerOrg: 80,
  jobInstancesPerProxy: 0,
};
/** Floors taken before each flip. */
const floorSamples = 5;
/** A wait counts when it ended in the hold or so long after it (milliseconds). */
export const afterReleaseMs = 250;

const toHalve =
  'processors: clients, proxies, databases and controller share two here; and a replication that hands a marker on faster';

/** What one migration, there and back, has shown. */
export interface RoundTrip {
  readonly flips: readonly FlipSpan[];
  readonly attempts: readonly Attempt[];
  readonly floors: readonly FloorSample[];
}

/** The pause of an org as its own clients see it, over flips to and fro. */
export const flip: Benchmark = {
  name: 'flip',
  about: 'write pause of an org seen by its clients: 16 writers, 4 readers, 4 proxies, 2 sites',
  async run(options) {
    const lab = await startLab({ orgs: 1, proxies, onProgress: (line) => options.say(line) });
    try {
      return await measure(lab, options);
    } finally {
      await lab.stop();
    }
  },
};

async function measure(lab: Lab, { flips, signal, say }: BenchOptions): Promise<BenchResult> {
  const controller = await lab.controller('controller-1');
  const workload = await startWorkload({ proxies: lab.proxies, orgs: lab.orgs, routing: lab.routing, ...clients });
  const byHand = await FloorByHand.open(lab);
  try {
    const api = new LabApi(() => controller.api, lab.tokens);
    const stage: Stage = { lab, controller, workload, api, seen: new Map(), signal, say };
    const orgId = lab.orgs[0]?.orgId ?? 0;
    const trips: RoundTrip[] = [];
    // The first flips of processes that have just started are slower: shown, and not counted with the others.
    const cold = await thereAndBack(stage, orgId, byHand);
    say(`first, not counted: ${describe(cold)}`);
    for (let flipped = 0; flipped < flips; flipped += 2) {
      signal.throwIfAborted();
      trips.push(await thereAndBack(stage, orgId, byHand));
      say(`${flipped + 2} of ${flips} flips; ${describe(trips.at(-1))}`);
    }
    await workload.stop();
    return await resultOf(lab, workload, orgId, cold, trips);
  } finally {
    byHand.close();
    await workload.stop();
  }
}

/** @param byHand measures the floor before each flip, where there is one */
export async function thereAndBack(stage: Stage, orgId: number, byHand: FloorByHand | null): Promise<RoundTrip> {
  const floors: FloorSample[] = [];
  const floor = async (direction: 'forward' | 'back') => {
    for (let n = 0; byHand !== null && n < floorSamples; n++) floors.push(await byHand.measure(orgId, direction));
  };
  const id = await toReady(stage, orgId);
  await floor('forward');
  await toSoaking(stage, id);
  await floor('back');
  await stage.api.command(id, 'rollback', 'the benchmark goes to and fro');
  const { attempts } = await until(stage, id, 'rolledBack', ({ state }) => state === 'rolledBack');
  return { flips: flipsOf(await stage.api.events(id)), attempts, floors };
}

export function describe(trip: RoundTrip | undefined): string {
  return (trip?.attempts ?? []).map(({ direction, writePauseMs }) => `${direction} ${writePauseMs} ms`).join(', ');
}

async function resultOf(
  lab: Lab,
  workload: Workload,
  orgId: number,
  cold: RoundTrip,
  trips: readonly RoundTrip[],
): Promise<BenchResult> {
  const flips = trips.flatMap((trip) => trip.flips);
  const attempts = trips.flatMap((trip) => trip.attempts);
  const floors = trips.flatMap((trip) => trip.floors);
  const committed = attempts.filter(({ decision }) => decision === 'commit');
  const longest = (kind: StatementKind, of: readonly FlipSpan[] = flips) =>
    of.map(({ heldAtMs, releasedAtMs }) =>
      workload.longestWaitMs(orgId, kind, heldAtMs, releasedAtMs + afterReleaseMs),
    );
  // As long a window, well before the hold: what clients wait for anyway.
  const ordinary = flips.map(({ heldAtMs }) => workload.longestWaitMs(orgId, 'write', heldAtMs - 700, heldAtMs - 300));
  await lab.sites.waitUntilInStep();
  const [site] = lab.sites.sites;
  if (site === undefined) throw new TypeError('the lab has no site');
  const check = await workload.check({
    sideOf: () => site.server,
    served: servedBy(orgId, clusterSide(0), [...cold.flips, ...flips]),
  });
  const write = figuresOf(longest('write'));
  const floor = percentile(
    floors.map(({ totalMs }) => totalMs),
    0.5,
  );
  const read = figuresOf(longest('read'));
  const phases = { forward: phasesOf(committed, 'forward'), back: phasesOf(committed, 'back') };
  const sound = soundnessOf(lab, workload, check);
  return {
    name: flip.name,
    value: write.p50,
    unit: 'ms',
    floor,
    ratio: ratio(write.p50, floor),
    ratios: { p99: ratio(write.p99, floor) },
    better: 'lower',
    toReach: 'p50 within 1.5 × and under 100 ms, p99 within 3 ×, no error; reads under 50 ms at p99',
    reached: write.p50 <= Math.min(1.5 * floor, 100) && write.p99 <= 3 * floor && read.p99 < 50 && sound.isSound,
    slowest: slowestOf(phases.forward),
    toHalve,
    flips: flips.length,
    abortedAttempts: attempts.length - committed.length,
    write,
    read,
    firstWrites: longest('write', cold.flips).map(round),
    ordinaryWrite: figuresOf(ordinary),
    floorParts: {
      marker: figuresOf(floors.map(({ markerMs }) => markerMs)),
      loads: figuresOf(floors.map(({ loadsMs }) => loadsMs)),
      drainPoll: figuresOf(floors.map(({ drainPollMs }) => drainPollMs)),
    },
    atController: {
      write: figuresOf(committed.map(({ writePauseMs }) => writePauseMs ?? 0)),
      read: figuresOf(committed.map(({ readPauseMs }) => readPauseMs ?? 0)),
    },
    phases,
    ...sound.shown,
  };
}

/** Median time of each step (milliseconds), in the order of the steps. */
export function phasesOf(attempts: readonly Attempt[], direction: 'forward' | 'back'): Record<string, number> {
  const times = new Map<string, number[]>();
  for (const attempt of attempts) {
    if (attempt.direction !== direction) continue;
    for (const { phase, ms } of attempt.phases) times.set(phase, [...(times.get(phase) ?? []), ms]);
  }
  return Object.fromEntries([...times].map(([phase, ms]) => [phase, percentile(ms, 0.5)]));
}
