import type { Snapshot } from './machine.ts';
import { fencesOf, isOpen, type Side, type World } from './world.ts';

/** What must hold in every state of machine and world; each answers with what is wrong, or null. */
export const rules: Readonly<Record<string, (world: World, snapshot: Snapshot) => string | null>> = {
  'at most one side is open to clients': (world) =>
    isOpen(world, 'source') && isOpen(world, 'cluster') ? 'source and cluster are open' : null,

  'no two proxies send writes to different sides': (world) => {
    const sides = new Set(world.proxies.map(({ at }) => at));
    return sides.has('source') && sides.has('cluster') ? 'one proxy sends to the source, one to the cluster' : null;
  },

  'a side that clients can write has every acknowledged write, but for an accepted loss that stands in a file': (
    world,
    { context },
  ) => {
    const accepted = context.lossAccepted && world.exported !== 'nothing' && world.reverse === 'none';
    const behind = (['source', 'cluster'] as const).filter(
      (side) => isOpen(world, side) && !world.whole[side] && !(accepted && side === 'source'),
    );
    return behind.length > 0 ? `${behind.join()} is open and has not everything` : null;
  },

  'no proxy sends writes to a closed fence, unless a former owner closed it': (world) => {
    if (world.disturbed) return null;
    const refused = world.proxies.filter(
      ({ at }) =>
        (at === 'source' || at === 'cluster') && fencesOf(world, at).some(({ writer }) => writer !== 'clients'),
    );
    return refused.length > 0 ? `a proxy sends writes to ${refused[0]?.at}, where clients are refused` : null;
  },

  'the two tasks never run at the same time': (world) =>
    world.forward === 'running' && world.reverse === 'running' ? 'both tasks are running' : null,

  'the side that serves by the machine is open, the other one is not': (world, snapshot) => {
    const { serving } = snapshot.context;
    if (serving === 'held') return null;
    const other: Side = serving === 'source' ? 'cluster' : 'source';
    if (isOpen(world, other)) return `${serving} serves, and ${other} is open`;
    const closed = fencesOf(world, serving).some(({ writer }) => writer !== 'clients');
    return closed && !world.disturbed ? `${serving} serves, closed` : null;
  },

  'an end has one open side, and it is the one that serves': (world, snapshot) => {
    if (snapshot.status !== 'done') return null;
    const side: Side = snapshot.context.outcome === 'completed' ? 'cluster' : 'source';
    if (snapshot.context.serving !== side) return `${snapshot.context.outcome}, but ${snapshot.context.serving} serves`;
    if (world.proxies.some(({ at }) => at !== side)) return `a proxy does not send to ${side}`;
    if (world.forward !== 'none' || world.reverse !== 'none') return 'a task is left';
    const other: Side = side === 'source' ? 'cluster' : 'source';
    return fencesOf(world, other).every(({ writer }) => writer === 'nobody') ? null : `${other} is open to somebody`;
  },

  'the cluster is cleaned up after an accepted loss only when exactly what was left behind stands in a file': (
    world,
    { value, status, context },
  ) => {
    const ends = context.lossAccepted && (value === 'cleaningUp' || status === 'done');
    return ends && world.exported !== 'exactly' ? `${world.exported} was exported` : null;
  },

  'a pause holds nobody': (world, snapshot) =>
    snapshot.value === 'paused' && world.proxies.every(({ at }) => at !== 'source') ? 'paused while held' : null,

  'the task may write where it has to while the org waits, unless a former owner closed it': (world, snapshot) => {
    const waits = ['lagCheck', 'ready'].includes(String(snapshot.value));
    return waits && !world.disturbed && world.cluster.writer !== 'forward'
      ? `the cluster is open to ${world.cluster.writer}`
      : null;
  },
};
