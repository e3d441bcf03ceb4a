import { parse, stringify } from 'yaml';
import type { Attempt } from '../../../src/service/status.ts';
import { LabApi } from '../../lab/demo/api.ts';
import type { Stage } from '../../lab/demo/stage.ts';
import { startController } from '../../lab/estate/controllerProcess.ts';
import { type Lab, startLab } from '../../lab/estate/lab.ts';
import { startWorkload, type Workload } from '../../lab/workload/index.ts';
import type { Benchmark, BenchOptions, BenchResult } from '../benchmark.ts';
import { figuresOf, percentile, ratio, round, slowestOf } from '../figures.ts';
import { afterReleaseMs, clients, describe, phasesOf, proxies, type RoundTrip, thereAndBack } from '../flip/flip.ts';

/**
 * Read views of each side that a flip pins: as a controller has it, and none, which is a flip without this proof. The
 * way back always has them, and is not counted.
 */
const cutoverViews = { with: 2, without: 0 } as const;
type Kind = keyof typeof cutoverViews;
/** Neither kind is always the earlier one, so that a machine's moods meet both. */
const order: readonly Kind[] = ['with', 'without', 'without', 'with'];

/** What the proof of the cutover point costs those who wait in the flip. */
export const proof: Benchmark = {
  name: 'proof',
  about: 'write pause of a flip whose cutover point is compared, beside the same flip without',
  async run(options) {
    const lab = await startLab({ orgs: 1, proxies, onProgress: (line) => options.say(line) });
    try {
      return await measure(lab, options);
    } finally {
      await lab.stop();
    }
  },
};

async function measure(lab: Lab, options: BenchOptions): Promise<BenchResult> {
  const workload = await startWorkload({ proxies: lab.proxies, orgs: lab.orgs, routing: lab.routing, ...clients });
  try {
    const trips: Record<Kind, RoundTrip[]> = { with: [], without: [] };
    const tripsPerTurn = Math.max(1, Math.round(options.flips / order.length));
    for (const [turn, kind] of order.entries()) {
      trips[kind].push(...(await oneTurn(lab, workload, turn, kind, tripsPerTurn, options)));
    }
    await workload.stop();
    return resultOf(lab, workload, trips);
  } finally {
    await workload.stop();
  }
}

/** Some round trips under a controller that compares the cutover point, or does not. */
async function oneTurn(
  lab: Lab,
  workload: Workload,
  turn: number,
  kind: Kind,
  wanted: number,
  { signal, say }: BenchOptions,
): Promise<RoundTrip[]> {
  const name = `controller-${turn + 1}`;
  const { text, env } = lab.config(name);
  const config = { ...parse(text), verification: { cutoverViews: cutoverViews[kind] } };
  const controller = await startController(name, { text: stringify(config), env }, lab.baseDir);
  try {
    const api = new LabApi(() => controller.api, lab.tokens);
    const stage: Stage = { lab, controller, workload, api, seen: new Map(), signal, say };
    const orgId = orgOf(lab);
    // The first flips of a process that has just started are slower.
    say(`${kind} the proof; first, not counted: ${describe(await thereAndBack(stage, orgId, null))}`);
    const trips: RoundTrip[] = [];
    for (let n = 0; n < wanted; n++) {
      signal.throwIfAborted();
      const trip = await thereAndBack(stage, orgId, null);
      trips.push(trip);
      say(`${kind} the proof: ${describe(trip)}`);
    }
    return trips;
  } finally {
    await controller.stop();
  }
}

function resultOf(lab: Lab, workload: Workload, trips: Readonly<Record<Kind, readonly RoundTrip[]>>): BenchResult {
  const orgId = orgOf(lab);
  const committed = (kind: Kind): Attempt[] =>
    trips[kind].flatMap(({ attempts }) =>
      attempts.filter(({ decision, direction }) => decision === 'commit' && direction === 'forward'),
    );
  const of = (kind: Kind) => {
    const waits = trips[kind].flatMap(({ flips }) =>
      flips
        .slice(0, 1)
        .map(({ heldAtMs, releasedAtMs }) =>
          workload.longestWaitMs(orgId, 'write', heldAtMs, releasedAtMs + afterReleaseMs),
        ),
    );
    const attempts = committed(kind);
    return {
      flips: waits.length,
      write: figuresOf(waits),
      writes: waits.map(round),
      atController: figuresOf(attempts.map(({ writePauseMs }) => writePauseMs ?? 0)),
      phases: phasesOf(attempts, 'forward'),
    };
  };
  const [withProof, without] = [of('with'), of('without')];
  const found = ratio(withProof.write.p50, without.write.p50);
  const spread = ratio(percentile(without.writes, 0.75), percentile(without.writes, 0.25));
  return {
    name: proof.name,
    value: withProof.write.p50,
    unit: 'ms',
    floor: without.write.p50,
    ratio: found,
    ratios: { 'at the controller': ratio(withProof.atController.p50, without.atController.p50) },
    better: 'lower',
    toReach: 'within how far apart the same flips lie',
    reached: found <= Math.max(1, spread),
    slowest: slowestOf(withProof.phases),
    toHalve: 'see `flip`; of the proof itself the pause has the pinning of views alone',
    // How far apart the same flips lie, by their quartiles: a ratio within it says nothing.
    spread,
    with: withProof,
    without,
    clientErrors: workload.clientErrors,
    proxysql: lab.proxies[0]?.kind ?? 'stand-in',
  };
}

const orgOf = (lab: Lab): number => lab.orgs[0]?.orgId ?? 0;
