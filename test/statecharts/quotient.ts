import { fullName } from './machine.ts';
import type { Visit } from './walk.ts';

/** States of the machine with the same future and the same meaning for the world, taken as one. */
export interface MachineClass {
  readonly index: number;
  /** One of them; any will do. */
  readonly visit: Visit;
  /** By event with its payload; events that are not there have no answer. */
  readonly moves: ReadonlyMap<string, MachineClass>;
}

/**
 * Merges what cannot be told apart: first by what the world's model reads, then again and again by where the same
 * events lead. Answers with the class of the first visit.
 */
export function merged(visits: readonly Visit[]): MachineClass {
  let classOf = numbered(visits, meaning);
  for (;;) {
    const known = classOf;
    const refined = numbered(visits, (visit) => {
      const moves = visit.edges.map(({ event, to }) => `${JSON.stringify(event)}>${known.get(to)}`);
      return `${known.get(visit)} ${moves.sort().join(' ')}`;
    });
    if (new Set(refined.values()).size === new Set(known.values()).size) break;
    classOf = refined;
  }
  const classes = new Map<number, { index: number; visit: Visit; moves: Map<string, MachineClass> }>();
  for (const visit of visits) {
    const index = classOf.get(visit) ?? -1;
    if (!classes.has(index)) classes.set(index, { index, visit, moves: new Map() });
  }
  for (const { visit, moves } of classes.values()) {
    for (const { event, to } of visit.edges) {
      const target = classes.get(classOf.get(to) ?? -1);
      if (target !== undefined) moves.set(JSON.stringify(event), target);
    }
  }
  const first = classes.get(0);
  if (first === undefined) throw new Error('nothing was walked');
  return first;
}

/** Everything that the world's model or its rules read of a snapshot. */
function meaning({ snapshot }: Visit): string {
  const { serving, outcome, direction, replicationTries, lossAccepted } = snapshot.context;
  const name = fullName(snapshot);
  const inFlip = /flipping|rollingBack|settling/.test(name);
  return [name, serving, outcome, inFlip && direction, replicationTries > 0, lossAccepted].join(' ');
}

function numbered(visits: readonly Visit[], keyOf: (visit: Visit) => string): Map<Visit, number> {
  const numbers = new Map<string, number>();
  return new Map(
    visits.map((visit) => {
      const key = keyOf(visit);
      const number = numbers.get(key) ?? numbers.size;
      numbers.set(key, number);
      return [visit, number];
    }),
  );
}
