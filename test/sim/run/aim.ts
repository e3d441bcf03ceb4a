import type { Random } from '../time/random.ts';
import { states, type WorldChoice } from '../world/choice.ts';
import type { FaultKind, Faults } from '../world/faults.ts';
import type { World } from '../world/world.ts';

/** A fault that waits for its moment. */
interface Aim {
  readonly orgId: number;
  readonly state: string;
  readonly kind: FaultKind;
  /** Events after the state was entered. */
  left: number;
}

/** States that last milliseconds: nothing hits them by chance. */
const brief = states.filter((state) => /^(flipping|rollingBack)\./.test(state));

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
    const first =
      org === undefined || world.choice.mood.name === 'calm' ? [] : aimsInTurn(org.orgId, world.choice, random);
    this.#aims = [...first, ...Array.from({ length: world.choice.mood.aimed }, () => aimOf(world, random))];
  }

  /** After each event; `state` is where the org is. */
  look(orgId: number, state: string): void {
    for (const [index, aim] of this.#aims.entries()) {
      if (aim.orgId !== orgId || aim.state !== state) continue;
      if (aim.left-- > 0) continue;
      this.#aims.splice(index, 1);
      if (this.#world.nowMs < this.#world.choice.troubleUntilMs * 1.5) this.#faults.strike(aim.kind, orgId);
      return;
    }
  }
}

/** What befalls the state whose turn it is, and what leads there. */
function aimsInTurn(orgId: number, { inTurn: state, befalls }: WorldChoice, random: Random): Aim[] {
  const [phase, step] = state.split('.');
  const aim: Aim = { orgId, state, kind: befalls, left: random.integer(0, 6) };
  if (step === 'recovering') return [{ orgId, state: `${phase}.drain`, kind: 'crash', left: 1 }, aim];
  // A proxy that does not answer ends an attempt.
  if (step === 'aborting' || step === 'backoff')
    return [{ orgId, state: `${phase}.hold`, kind: 'proxyFreeze', left: 0 }, aim];
  return [aim];
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
