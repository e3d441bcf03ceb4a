import type { EffectName } from '../../statecharts/effects.ts';
import type { Policy } from '../../statecharts/policy.ts';
import type { MigrationEvent } from '../../statecharts/setup.ts';
import { commands, done, failed, type Snapshot } from './machine.ts';
import { type MachineClass, merged } from './quotient.ts';
import { isFoundInJournal, walk } from './walk.ts';
import { answers, nextSteps, type Order } from './work.ts';
import { firstWorld, plain, sidesOf, takenOver, type World, worldKey } from './world.ts';

/** Machine, journal and world together. */
export interface Node {
  readonly machine: MachineClass;
  /** What a new owner would find. */
  readonly journal: MachineClass;
  readonly world: World;
  readonly cause: string;
  readonly before: Node | null;
}

/** Everything that was reached, and what can be reached from what. */
export interface Explored {
  readonly nodes: readonly Node[];
  /** By number of the node: the numbers of those that lead there. */
  readonly leadingTo: readonly (readonly number[])[];
}

/**
 * Walks through everything that machine and world can come to: effects that get as far as they like and end well or
 * badly, commands and deadlines at any moment, and owners that are replaced at any moment and go on working with
 * their old number. Nearest first, so that a broken rule is told by its shortest story.
 */
export function explore(policy: Policy): Explored {
  const numbers = new Map<string, number>();
  const nodes: Node[] = [];
  const leadingTo: number[][] = [];
  const reach = (node: Node, from: number | null) => {
    const world = plain(node.world);
    const key = `${node.machine.index} ${node.journal.index} ${worldKey(world)}`;
    let number = numbers.get(key);
    if (number === undefined) {
      number = nodes.length;
      numbers.set(key, number);
      nodes.push({ ...node, world });
      leadingTo.push([]);
    }
    if (from !== null) leadingTo[number]?.push(from);
  };
  const first = merged(walk(policy));
  reach({ machine: first, journal: first, world: firstWorld, cause: 'planned', before: null }, null);
  for (let number = 0, node = nodes[0]; node !== undefined; number += 1, node = nodes[number]) {
    if (snapshotOf(node).status === 'done') continue;
    for (const next of successors(node)) reach(next, number);
  }
  return { nodes, leadingTo };
}

/** Nodes from which no way leads to any of `goals`. */
export function withoutWayTo({ nodes, leadingTo }: Explored, isGoal: (node: Node) => boolean): readonly Node[] {
  const reached = new Set<number>();
  const queue = [...nodes.keys()].filter((number) => isGoal(nodes[number] as Node));
  for (let number = queue.pop(); number !== undefined; number = queue.pop()) {
    if (reached.has(number)) continue;
    reached.add(number);
    queue.push(...(leadingTo[number] ?? []));
  }
  return nodes.filter((_, number) => !reached.has(number));
}

export const snapshotOf = (node: Node): Snapshot => node.machine.visit.snapshot;

function successors(node: Node): readonly Node[] {
  const { machine, world } = node;
  const { work, snapshot } = machine.visit;
  const order: Order = snapshot.context;
  const found: (Node | null)[] = [
    ...commands.map((type) => afterEvent(node, { type }, world)),
    ...work.deadlines.map((deadline) => afterEvent(node, { type: `deadline.${deadline}` }, world)),
  ];
  const changes = (cause: string, worlds: readonly World[]) => {
    for (const changed of worlds) found.push({ ...node, world: changed, cause, before: node });
  };
  for (const effect of work.asked) {
    changes(`${effect} goes on`, nextSteps(effect, order, world, 'owner'));
    const strays = straysAfter(effect, order) ?? world.strays;
    for (const output of answers(effect, order, world)) {
      found.push(afterEvent(node, done(effect, output), { ...world, strays }));
    }
    found.push(afterEvent(node, failed(effect), world));
  }
  changes('a stray is brought', straysBrought(world));
  changes('a former owner goes on', formerGoesOn(world));
  found.push(afterTakeOver(node));
  return found.filter((next) => next !== null);
}

/** Null where the machine has no answer to the event. */
function afterEvent(node: Node, event: MigrationEvent, world: World): Node | null {
  const machine = node.machine.moves.get(JSON.stringify(event));
  if (machine === undefined) return null;
  const journal = isFoundInJournal(machine.visit.snapshot) ? machine : node.journal;
  return { machine, journal, world: entered(node.machine, machine, world), cause: event.type, before: node };
}

/** How the node was come to, for a person who looks into a broken rule. */
export function story(node: Node): string {
  const lines: string[] = [];
  for (let at: Node | null = node; at !== null; at = at.before) {
    lines.push(`${at.cause} -> ${JSON.stringify(snapshotOf(at).value)} | ${worldKey(at.world)}`);
  }
  return lines.reverse().join('\n');
}

/** A new attempt begins undecided, under its owner; bringing strays of the last one ends. */
function entered(from: MachineClass, to: MachineClass, world: World): World {
  // Each acceptance begins with nothing written down.
  const accepted = to.visit.work.asked.includes('loss.export') && !from.visit.work.asked.includes('loss.export');
  if (accepted) return { ...world, exported: 'nothing' };
  const begins = to.visit.work.asked.includes('flip.prepare') && !from.visit.work.asked.includes('flip.prepare');
  return begins ? { ...world, decision: null, begun: true, strays: null } : world;
}

function straysAfter(effect: EffectName, order: Order) {
  const { serving, next } = sidesOf(order.direction);
  if (effect === 'flip.release') return next;
  if (effect === 'flip.abort') return serving;
  return null;
}

function straysBrought(world: World): readonly World[] {
  const { strays } = world;
  if (strays === null) return [];
  const [first, second] = world.proxies;
  const there = { at: strays, current: true };
  return [
    ...(first.at === strays ? [] : [{ ...world, proxies: [there, second] as const }]),
    ...(second.at === strays ? [] : [{ ...world, proxies: [first, there] as const }]),
  ];
}

function formerGoesOn(world: World): readonly World[] {
  const { former } = world;
  if (former === null) return [];
  // What a former owner knows of tries does not matter: it cannot reach the tasks.
  const order: Order = { direction: former.direction, replicationTries: 1 };
  const fences = ({ sites, cluster }: World) => [...sites, cluster].map(({ writer }) => writer).join();
  return former.effects
    .flatMap((effect) => nextSteps(effect, order, world, 'former'))
    .map((changed) => ({ ...changed, disturbed: world.disturbed || fences(changed) !== fences(world) }));
}

/** The owner dies or is cut off, and a new one begins with what the journal says. */
function afterTakeOver(node: Node): Node {
  const { work, snapshot } = node.machine.visit;
  const { journal } = node;
  const world = takenOver(node.world, work.asked, snapshot.context.direction);
  if (journal.visit.snapshot.hasTag('undecided')) {
    const machine = journal.moves.get(JSON.stringify({ type: 'recover' }));
    if (machine === undefined) throw new Error(`${journal.visit.key} does not recover`);
    return { machine, journal, world, cause: 'taken over: recover', before: node };
  }
  const begun = journal.visit.work.asked.includes('flip.prepare');
  const { serving } = journal.visit.snapshot.context;
  // Proxies that the last owner left behind are brought by the new one.
  const strays = begun || serving === 'held' ? null : serving;
  return { machine: journal, journal, world: { ...world, begun, strays }, cause: 'taken over', before: node };
}
