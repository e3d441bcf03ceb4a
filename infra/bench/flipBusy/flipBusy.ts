import type { Attempt } from '../../../src/service/status.ts';
import { LabApi } from '../../lab/demo/api.ts';
import { clusterSide, type FlipSpan, flipsOf, servedBy } from '../../lab/demo/served.ts';
import { type Stage, toReady, toSoaking, until } from '../../lab/demo/stage.ts';
import { type Lab, startLab } from '../../lab/estate/lab.ts';
import { startWorkload, type Workload } from '../../lab/workload/index.ts';
import type { Benchmark, BenchOptions, BenchResult } from '../benchmark.ts';
import { addCompleted, untilShared } from '../completed.ts';
import { figuresOf, ratio, slowestOf } from '../figures.ts';
import { afterReleaseMs, phasesOf, proxies } from '../flip/flip.ts';
import { soundnessOf } from '../flip/soundness.ts';

const settled = 10_000;
const together = 50;
/** Orgs that flip alone, with the same settled orgs and under the same load: the floor. */
const alone = 10;
/** Moves that are begun at once: to get there is not what is measured. */
const beginAtOnce = 5;
/** Of each org: what two cores carry of sixty. */
const clients = { writersPerProxy: 1, readersPerProxy: 0, ratePerOrg: 3, readsPerOrg: 0, jobInstancesPerProxy: 0 };
/** There and back. */
const tasksPerMove = 2;
const withinRatio = 3;

/** Flips of one kind, as the controller has timed them and as the orgs' clients have felt them (milliseconds). */
interface Flipped {
  readonly attempts: readonly Attempt[];
  readonly waits: readonly number[];
}

/** What a flip's pause becomes where many orgs flip at the same moment and thousands have moved before. */
export const flipBusy: Benchmark = {
  name: 'flip-busy',
  about: `write pause of each of ${together} orgs that flip at once, ${settled} settled orgs in the routes`,
  async run(options) {
    const orgs = together + alone;
    const lab = await startLab({
      orgs,
      proxies,
      rows: 50,
      routing: 'comment',
      policy: { approval: 'manual' },
      dmsQuotas: { tasksPerInstance: tasksPerMove * orgs },
      onProgress: (line) => options.say(line),
    });
    try {
      options.say(`${settled} settled orgs`);
      await addCompleted(lab, settled);
      return await measure(lab, options);
    } finally {
      await lab.stop();
    }
  },
};

async function measure(lab: Lab, { signal, say }: BenchOptions): Promise<BenchResult> {
  const controller = await lab.controller('controller-1');
  const api = new LabApi(() => controller.api, lab.tokens);
  await untilShared(api, settled, signal);
  say('they share their routes');
  const workload = await startWorkload({ proxies: lab.proxies, orgs: lab.orgs, routing: lab.routing, ...clients });
  try {
    const stage: Stage = { lab, controller, workload, api, seen: new Map(), signal, say };
    const orgIds = lab.orgs.map(({ orgId }) => orgId);
    const ids = new Map<number, string>();
    await inTurns(orgIds, beginAtOnce, async (orgId) => {
      ids.set(orgId, await toReady(stage, orgId));
      say(`${ids.size} of ${orgIds.length} are ready`);
    });
    const idOf = (orgId: number) => ids.get(orgId) ?? '';
    const there = (orgId: number) => toSoaking(stage, idOf(orgId));
    const back = async (orgId: number) => {
      await api.command(idOf(orgId), 'rollback', 'the benchmark goes to and fro');
      await until(stage, idOf(orgId), 'rolledBack', ({ state }) => state === 'rolledBack');
    };
    const [single, many] = [orgIds.slice(0, alone), orgIds.slice(alone)];
    await inTurns(single, 1, there);
    await inTurns(single, 1, back);
    say(`${alone} orgs went to and fro alone; now ${together} at once`);
    await inTurns(many, together, there);
    say('and back');
    await inTurns(many, together, back);
    await workload.stop();
    const spans = new Map<number, readonly FlipSpan[]>();
    for (const orgId of orgIds) spans.set(orgId, flipsOf(await api.events(idOf(orgId))));
    const flippedOf = async (which: readonly number[]): Promise<Flipped> => ({
      attempts: (await Promise.all(which.map((orgId) => api.get(idOf(orgId))))).flatMap(({ attempts }) => attempts),
      waits: which.flatMap((orgId) => waitsOf(workload, orgId, spans.get(orgId) ?? [])),
    });
    return await resultOf(lab, workload, spans, await flippedOf(single), await flippedOf(many));
  } finally {
    await workload.stop();
  }
}

/** The longest that a client of the org waited in each of its flips; none where nobody wrote meanwhile. */
function waitsOf(workload: Workload, orgId: number, spans: readonly FlipSpan[]): number[] {
  return spans.flatMap(({ heldAtMs, releasedAtMs }) => {
    const waited = workload.longestWaitMs(orgId, 'write', heldAtMs, releasedAtMs + afterReleaseMs);
    return waited > 0 ? [waited] : [];
  });
}

/** So many at once, the next as soon as one is done. */
async function inTurns<T>(all: readonly T[], atOnce: number, work: (one: T) => Promise<void>): Promise<void> {
  const waiting = [...all];
  const one = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await work(next);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, all.length) }, one));
}

async function resultOf(
  lab: Lab,
  workload: Workload,
  spans: ReadonlyMap<number, readonly FlipSpan[]>,
  single: Flipped,
  many: Flipped,
): Promise<BenchResult> {
  await lab.sites.waitUntilInStep();
  const [site] = lab.sites.sites;
  if (site === undefined) throw new TypeError('the lab has no site');
  const check = await workload.check({
    sideOf: () => site.server,
    served: [...spans].flatMap(([orgId, flips]) => servedBy(orgId, clusterSide(0), flips)),
  });
  const committed = ({ attempts }: Flipped) => attempts.filter(({ decision }) => decision === 'commit');
  const pauses = (flipped: Flipped) => figuresOf(committed(flipped).map(({ writePauseMs }) => writePauseMs ?? 0));
  const [busy, floor] = [pauses(many), pauses(single)];
  const sound = soundnessOf(lab, workload, check);
  return {
    name: flipBusy.name,
    value: busy.p99,
    unit: 'ms',
    floor: floor.p99,
    ratio: ratio(busy.p99, floor.p99),
    ratios: { p50: ratio(busy.p50, floor.p50) },
    better: 'lower',
    toReach: `p99 within ${withinRatio} × that of a flip alone, no error`,
    reached: busy.p99 <= withinRatio * floor.p99 && sound.isSound,
    slowest: slowestOf(phasesOf(committed(many), 'forward')),
    toHalve:
      'processors: what flips beside each other wait for is each other’s work; or fewer at once (`flips.atOnce`)',
    settled,
    together,
    flips: committed(many).length,
    abortedAttempts: many.attempts.length - committed(many).length,
    atController: { busy, alone: floor },
    atClients: { busy: figuresOf(many.waits), alone: figuresOf(single.waits), waited: many.waits.length },
    phases: { busy: phasesOf(committed(many), 'forward'), alone: phasesOf(committed(single), 'forward') },
    ...sound.shown,
  };
}
