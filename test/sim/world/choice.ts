import type { Policy } from '../../../statecharts/policy.ts';
import { statesOfTheMachine } from '../../docs/states.ts';
import type { ClientHabits } from '../clients/options.ts';
import type { Random } from '../time/random.ts';
import { storeAwayMs } from './faults/servers.ts';

/** Home regions of the world; each has a cluster. */
export const regions = ['eu-west-2', 'us-east-1'] as const;
/** Org-owned tables, one schema. */
export const tables = ['CallRecord', 'CallLog'] as const;

/** Every state that a migration can be found in, but for those in which it has ended. */
export const states: readonly string[] = [...statesOfTheMachine()]
  .filter((state) => !['completed', 'rolledBack', 'cancelled'].includes(state))
  .sort();

/** One org of a run. */
export interface OrgChoice {
  readonly orgId: number;
  readonly homeRegion: string;
  /** Not moved: nothing of it may change. */
  readonly bystander: boolean;
  readonly clients: number;
  readonly habits: ClientHabits;
  /** A client that goes past the proxies to a site. */
  readonly direct: boolean;
}

/** How much goes wrong in a run. */
export interface Mood {
  readonly name: 'calm' | 'crashes' | 'network' | 'everything';
  /** Faults at any moment (mean time between two, milliseconds); 0: none. */
  readonly everyMs: number;
  /** Faults at a chosen state of a chosen org. */
  readonly aimed: number;
}

/** What a seed decides before anything happens. */
export interface WorldChoice {
  readonly routing: 'user' | 'schema' | 'comment';
  readonly proxies: number;
  /** Whether the platform splits reads from writes, by rules that come before fast routing. */
  readonly split: boolean;
  readonly controllers: number;
  /** Orgs that a controller holds at once: few, so that some wait for their turn. */
  readonly flipsAtOnce: number;
  readonly orgs: readonly OrgChoice[];
  readonly policy: Partial<Policy>;
  readonly mood: Mood;
  /** The state whose turn it is, and what befalls it there: seeds in a row leave none out. */
  readonly inTurn: string;
  readonly befalls: 'crash' | 'storeAway';
  /** Until when things go wrong and buttons are pressed (virtual milliseconds). */
  readonly troubleUntilMs: number;
  /** When the first org's home moves to another region, as a share of that time; null: it does not. */
  readonly homeMovesAt: number | null;
  /** Mean time between two buttons that somebody presses, beside those that bring the orgs on their way (milliseconds). */
  readonly drift: 'report' | 'repair';
  readonly buttonsEveryMs: number;
}

/** One round of seeds through all states in so many has the store away for a minute, which takes its time; in the others the owner is killed. */
const storeAwayOnceIn = 20;
/** Which of them: early enough for the first few hundred seeds. */
const storeAwayRound = 3;

export function chooseWorld(random: Random, seed: number): WorldChoice {
  const routing = random.weighted([
    [5, 'user'],
    [2, 'schema'],
    [3, 'comment'],
  ] as const);
  const moved = random.weighted([
    [6, 1],
    [3, 2],
    [1, 3],
  ] as const);
  const orgs: OrgChoice[] = [];
  for (let index = 0; index <= moved; index++) orgs.push(chooseOrg(random, 41 + index, index === moved, routing));
  const mood = random.weighted<Mood>([
    [1, { name: 'calm', everyMs: 0, aimed: 0 }],
    [4, { name: 'crashes', everyMs: 0, aimed: random.integer(1, 3) }],
    [3, { name: 'network', everyMs: random.between(1_500, 8_000), aimed: random.integer(0, 1) }],
    [4, { name: 'everything', everyMs: random.between(1_500, 10_000), aimed: random.integer(0, 3) }],
  ]);
  const inTurn = states[seed % states.length] ?? 'planned';
  const round = Math.floor(seed / states.length) % storeAwayOnceIn;
  const befalls = round === storeAwayRound ? 'storeAway' : 'crash';
  // An org that is to come far is not kept from it, but for what its seed does to it.
  const far = /^(flipping|verifying|soaking|completing|rollingBack)/.test(inTurn);
  const policy = choosePolicy(random);
  return {
    routing,
    proxies: random.integer(2, 3),
    split: routing === 'comment' || seed % 2 === 0,
    controllers: random.weighted([
      [3, 1],
      [5, 2],
      [1, 3],
    ]),
    flipsAtOnce: 1 + (seed % 2),
    orgs,
    policy: far ? { ...policy, approval: 'auto' } : policy,
    mood,
    inTurn,
    befalls,
    troubleUntilMs: random.between(10_000, 24_000) + (befalls === 'storeAway' ? storeAwayMs : 0),
    homeMovesAt: !far && random.chance(0.1) ? random.between(0.1, 1) : null,
    buttonsEveryMs: !far && random.chance(0.5) ? random.between(1_000, 8_000) : 0,
    // What is put right soon hides what made it necessary.
    drift: random.pick(['report', 'repair'] as const),
  };
}

function chooseOrg(random: Random, orgId: number, bystander: boolean, routing: string): OrgChoice {
  return {
    orgId,
    homeRegion: random.pick(regions),
    bystander,
    clients: bystander ? 1 : random.integer(1, 2),
    direct: !bystander && random.chance(0.2),
    habits: {
      thinkMs: random.chance(0.3) ? [20, 150] : [80, 400],
      transactions: random.chance(0.5) ? 0.2 : 0.05,
      holdMs: [1, 60],
      longTransactions: random.chance(0.2) ? 0.2 : 0,
      longHoldMs: [1_000, 6_000],
      forgetful: routing === 'comment' && random.chance(0.3) ? 0.3 : 0,
    },
  };
}

/** The gates of production, with days shortened to seconds. */
function choosePolicy(random: Random): Partial<Policy> {
  return {
    approval: random.chance(0.7) ? 'auto' : 'manual',
    completion: random.chance(0.4) ? 'auto' : 'manual',
    lagGateMs: 600,
    lagSamples: random.integer(1, 3),
    flipBudgetMs: random.pick([1_500, 3_000]),
    flipTries: random.integer(2, 4),
    flipBackoffMs: 500,
    flipBackoffMaxMs: 2_000,
    replicationTries: 3,
    soakMs: random.integer(2_000, 6_000),
    onMismatch: random.pick(['rollback', 'alert']),
    reverseLagMs: 2_000,
    reverseLagForMs: 3_000,
    taskFailedForMs: 1_500,
    unhealthyForMs: 2_500,
    errorRateForMs: 5_000,
    schemaCheckMs: 5_000,
  };
}
