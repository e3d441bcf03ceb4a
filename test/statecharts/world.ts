import type { EffectName } from '../../statecharts/effects.ts';

/**
 * What the effects do to the world, as far as "who can write the org, and where" goes: two sites and a cluster with
 * their fences, two proxies with the org's route, the decision of the attempt, the two tasks, and which side has every
 * acknowledged write. An effect is a sequence of small steps; it may be cut off or fail after any of them.
 */
export type Writer = 'clients' | 'forward' | 'reverse' | 'nobody';
export type Side = 'source' | 'cluster';
export type Direction = 'forward' | 'back';

/** `current`: written by the present owner, so that a former one can change it no more. */
export interface Fence {
  readonly writer: Writer;
  readonly current: boolean;
}
export interface ProxyRoute {
  readonly at: Side | 'held' | 'parked';
  readonly current: boolean;
}
export type TaskLife = 'none' | 'created' | 'running';

export interface World {
  readonly sites: readonly [Fence, Fence];
  readonly cluster: Fence;
  readonly proxies: readonly [ProxyRoute, ProxyRoute];
  readonly decision: 'commit' | 'abort' | null;
  /** The present owner is the one that began (or took over) the attempt: only it may commit. */
  readonly begun: boolean;
  readonly forward: TaskLife;
  readonly reverse: TaskLife;
  /** Sides that have every acknowledged write. */
  readonly whole: Readonly<Record<Side, boolean>>;
  /** What stands in files of an accepted loss: all that had not travelled before the flip, and exactly what was left. */
  readonly exported: 'nothing' | 'before' | 'exactly';
  /** Where proxies that did not answer are still being brought. */
  readonly strays: Side | null;
  /** Effects that a former owner, frozen or cut off, may still be at. */
  readonly former: { readonly effects: readonly EffectName[]; readonly direction: Direction } | null;
  /** A former owner changed a fence after it had been replaced. */
  readonly disturbed: boolean;
}

export const firstWorld: World = {
  sites: [
    { writer: 'clients', current: true },
    { writer: 'clients', current: true },
  ],
  cluster: { writer: 'nobody', current: true },
  proxies: [
    { at: 'source', current: true },
    { at: 'source', current: true },
  ],
  decision: null,
  begun: false,
  forward: 'none',
  reverse: 'none',
  whole: { source: true, cluster: false },
  exported: 'nothing',
  strays: null,
  former: null,
  disturbed: false,
};

export const sidesOf = (direction: Direction) =>
  direction === 'forward'
    ? ({ serving: 'source', next: 'cluster', taskWriter: 'forward' } as const)
    : ({ serving: 'cluster', next: 'source', taskWriter: 'reverse' } as const);

export function fencesOf(world: World, side: Side): readonly Fence[] {
  return side === 'source' ? world.sites : [world.cluster];
}

/** Clients can write there: at one place of it at least. */
export function isOpen(world: World, side: Side): boolean {
  return fencesOf(world, side).some(({ writer }) => writer === 'clients');
}

export function worldKey(world: World): string {
  const mark = (current: boolean) => (current ? '' : '~');
  return [
    ...world.sites.map((fence) => fence.writer + mark(fence.current)),
    world.cluster.writer + mark(world.cluster.current),
    ...world.proxies.map((proxy) => proxy.at + mark(proxy.current)),
    world.decision,
    world.begun,
    world.forward,
    world.reverse,
    world.whole.source,
    world.whole.cluster,
    world.exported,
    world.strays,
    world.disturbed,
    world.former === null ? '' : `${world.former.direction}:${world.former.effects.join('+')}`,
  ].join(' ');
}

/** Effects with which a former owner can still change a fence or a route. */
const reaching: ReadonlySet<EffectName> = new Set([
  'replication.reset',
  'replication.create',
  'flip.prepare',
  'flip.hold',
  'flip.fence',
  'flip.pin',
  'flip.park',
  'flip.release',
  'flip.abort',
  'flip.settle',
  'complete',
  'clean.up',
]);

/** Another owner takes over: what the last one was at may go on, with an epoch that is too old wherever the new one has been. */
export function takenOver(world: World, effects: readonly EffectName[], direction: Direction): World {
  const left = effects.filter((effect) => reaching.has(effect));
  const old = <T extends { readonly current: boolean }>(thing: T): T => ({ ...thing, current: left.length === 0 });
  return {
    ...world,
    sites: [old(world.sites[0]), old(world.sites[1])],
    cluster: old(world.cluster),
    proxies: [old(world.proxies[0]), old(world.proxies[1])],
    begun: false,
    strays: null,
    former: left.length === 0 ? null : { effects: left, direction },
  };
}

/**
 * The same world in its one form: the two sites are alike, and so are the two proxies; a former owner that finds the
 * present one's number everywhere is no more.
 */
export function plain(world: World): World {
  const [siteA, siteB] = world.sites;
  const [proxyA, proxyB] = world.proxies;
  const sites = order(siteA, siteB, ({ writer, current }) => `${writer}${current}`);
  const proxies = order(proxyA, proxyB, ({ at, current }) => `${at}${current}`);
  const reachable = [...sites, world.cluster, ...proxies].some(({ current }) => !current);
  return { ...world, sites, proxies, former: reachable ? world.former : null };
}

function order<T>(a: T, b: T, nameOf: (thing: T) => string): readonly [T, T] {
  return nameOf(a) <= nameOf(b) ? [a, b] : [b, a];
}
