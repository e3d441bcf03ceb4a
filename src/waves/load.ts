import type { Limits } from './settings.ts';
import type { OrgView } from './standing.ts';
import { phaseOf } from './standing.ts';

/** How many orgs are under way, as the limits count them. */
export interface Load {
  source: number;
  flips: number;
  /** By home region. */
  readonly cluster: Map<string, number>;
  /** By group of regions that share a replication instance. */
  readonly instance: Map<string, number>;
}

/** Moves of one state and home region. */
export interface Moves {
  readonly state: string;
  readonly homeRegion: string;
  readonly moves: number;
}

/** Limits, some of which may be left out. */
export type LimitsOf = { readonly [Name in keyof Limits]?: number | undefined };

/** Names the replication instance that a home region's tasks run on. */
export type InstanceOf = (homeRegion: string) => string;

const towards: ReadonlySet<string> = new Set([
  'preflight',
  'preflightPassed',
  'snapshot',
  'snapshotTaken',
  'replicating',
  'lagCheck',
  'ready',
  'drifted',
  'paused',
  'flipping',
  // On which side it stopped does not show in the state: counted as if the source were read for it.
  'needsOperator',
]);
const beyond: ReadonlySet<string> = new Set(['verifying', 'soaking', 'completing', 'rollingBack', 'cleaningUp']);

export function noLoad(): Load {
  return { source: 0, flips: 0, cluster: new Map(), instance: new Map() };
}

/** Counts moves that stand in the store, whoever began them. */
export function addMoves(load: Load, moves: readonly Moves[], instanceOf: InstanceOf): Load {
  for (const { state, homeRegion, moves: count } of moves) {
    const phase = phaseOf(state);
    if (towards.has(phase)) addOrg(load, homeRegion, instanceOf, count);
    else if (beyond.has(phase)) add(load.instance, instanceOf(homeRegion), count);
    if (phase === 'flipping') load.flips += count;
  }
  return load;
}

/** Counts what was asked for and does not show in the moves' states yet. */
export function addAsked(load: Load, orgs: readonly OrgView[], instanceOf: InstanceOf): Load {
  for (const { standing, homeRegion, goesByItself } of orgs) {
    if (standing === 'starting') addOrg(load, homeRegion, instanceOf, 1);
    if (goesByItself) load.flips += 1;
  }
  return load;
}

/** One more that the source is read for. */
export function addOrg(load: Load, homeRegion: string, instanceOf: InstanceOf, count = 1): void {
  load.source += count;
  add(load.cluster, homeRegion, count);
  add(load.instance, instanceOf(homeRegion), count);
}

function add(counts: Map<string, number>, key: string, count: number): void {
  counts.set(key, (counts.get(key) ?? 0) + count);
}

/** A limit that is reached. */
export interface Reached {
  readonly limit: keyof Limits;
  /** Home region, or regions of one replication instance. */
  readonly of: string | null;
  readonly now: number;
  readonly most: number;
}

/** The first limit that one more org of this home region would pass; null where it may start. */
export function startReaches(load: Load, limits: LimitsOf, homeRegion: string, instanceOf: InstanceOf): Reached | null {
  const instance = instanceOf(homeRegion);
  const figures: readonly [keyof Limits, string | null, number][] = [
    ['source', null, load.source],
    ['instance', instance, load.instance.get(instance) ?? 0],
    ['cluster', homeRegion, load.cluster.get(homeRegion) ?? 0],
  ];
  for (const [limit, of, now] of figures) {
    const most = limits[limit];
    if (most !== undefined && now >= most) return { limit, of, now, most };
  }
  return null;
}

export function flipReaches(load: Load, limits: LimitsOf): Reached | null {
  const { flips: most } = limits;
  return most !== undefined && load.flips >= most ? { limit: 'flips', of: null, now: load.flips, most } : null;
}
