import type { Random } from '../time/random.ts';
import { states, type WorldChoice } from '../world/choice.ts';
import type { Side } from '../world/faults/network.ts';
import type { FaultKind, Faults } from '../world/faults.ts';
import type { World } from '../world/world.ts';

/** A fault that waits for its moment. */
interface Aim {
  readonly orgId: number;
  readonly state: string;
  readonly kind: FaultKind;
  readonly at?: Side | undefined;
  /** Events after the state was entered. */
  left: number;
}

/** States that last milliseconds: nothing hits them by chance. */
const brief = states.filter((state) => /^(flipping|rollingBack)\./.test(state));

interface Moment {
  readonly kind: FaultKind;
  readonly steps: readonly string[];
  readonly at?: Side;
  /** The attempt is aborted, too. */
  readonly aborts?: boolean;
  readonly within: number;
}

/** What hurts in one moment only, where it would; the fault comes within so many events. */
const moments: readonly Moment[] = [
  { kind: 'replicationStall', steps: ['prepare', 'hold', 'drain'], within: 24 },
  { kind: 'proxyRestart', steps: ['hold', 'parkReads', 'release', 'aborting'], within: 24 },
  { kind: 'colleague', steps: ['parkReads', 'release', 'aborting'], within: 12 },
  { kind: 'revert', steps: ['parkReads', 'release', 'aborting'], within: 1 },
  { kind: 'revert', steps: ['parkReads'], within: 1 },
  // Each a step before the change that it is to catch: what a step asks for is under way when it is entered.
  { kind: 'lastWords', steps: ['prepare', 'marker', 'commit'], at: 'proxies', within: 4 },
  { kind: 'lastWords', steps: ['drain'], at: 'sites', within: 4 },
  { kind: 'lastWords', steps: ['marker', 'commit'], at: 'clusters', within: 4 },
  { kind: 'lastWords', steps: ['hold'], at: 'proxies', within: 4, aborts: true },
  { kind: 'lastWords', steps: ['hold'], at: 'sites', within: 4, aborts: true },
];

/** Faults that strike a few events after a chosen org has come into a chosen state. */
export class Aims {
  readonly #world: World;
  readonly #faults: Faults;
  readonly #aims: Aim[];

  constructor(world: World, faults: Faults) {
    this.#world = world;
    this.#faults = faults;
    const random = world.random.fork();
    const [org] = world.moved;
    const { name, aimed } = world.choice.mood;
    const calm = name === 'calm';
    this.#aims = [
      ...(org === undefined || calm ? [] : aimsInTurn(org.orgId, world.choice, random)),
      ...Array.from({ length: aimed }, () => aimOf(world, random)),
      ...(!calm && random.chance(0.9) ? momentOf(world, random) : []),
    ];
  }

  /** After each event; `state` is where the org is. */
  look(orgId: number, state: string): void {
    for (const [index, aim] of this.#aims.entries()) {
      if (aim.orgId !== orgId || aim.state !== state) continue;
      if (aim.left-- > 0) continue;
      this.#aims.splice(index, 1);
      if (this.#world.nowMs < this.#world.choice.troubleUntilMs * 1.5) this.#faults.strike(aim.kind, orgId, aim.at);
      return;
    }
  }
}

/** What befalls the state whose turn it is, and what leads there. */
function aimsInTurn(orgId: number, { inTurn: state, befalls }: WorldChoice, random: Random): Aim[] {
  const [phase, step] = state.split('.');
  const aim: Aim = { orgId, state, kind: befalls, left: random.integer(0, 6) };
  if (step === 'recovering') return [{ orgId, state: `${phase}.drain`, kind: 'crash', left: 1 }, aim];
  if (step === 'aborting' || step === 'backoff') return [abortOf(orgId, phase ?? ''), aim];
  return [aim];
}

function momentOf(world: World, random: Random): Aim[] {
  const { kind, steps, at, aborts = false, within } = random.pick(moments);
  const phase = random.chance(0.85) ? 'flipping' : 'rollingBack';
  const { orgId } = random.pick(world.moved);
  const step = random.pick(steps);
  const aim: Aim = { orgId, state: `${phase}.${step}`, kind, at, left: random.integer(0, within) };
  return aborts || step === 'aborting' ? [abortOf(orgId, phase), aim] : [aim];
}

/** A proxy that does not answer ends an attempt. */
function abortOf(orgId: number, phase: string): Aim {
  return { orgId, state: `${phase}.hold`, kind: 'proxyFreeze', left: 0 };
}

function aimOf(world: World, random: Random): Aim {
  const state = random.chance(0.7) ? random.pick(brief) : random.pick(states);
  return {
    orgId: random.pick(world.moved).orgId,
    state,
    kind: random.weighted<FaultKind>([
      [10, 'crash'],
      [3, 'pause'],
      [1, 'handOver'],
      [3, 'partition'],
      [2, 'proxyFreeze'],
      [3, 'proxyRestart'],
      [2, 'replicationStall'],
      [1, 'serverCrash'],
      [1, 'serverFreeze'],
      [1, 'task'],
      // While routes change.
      [/\.(hold|parkReads|release|aborting)$/.test(state) ? 6 : 0, 'colleague'],
    ]),
    left: random.integer(0, random.chance(0.5) ? 12 : 90),
  };
}
