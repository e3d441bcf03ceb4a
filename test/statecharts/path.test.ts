import { describe, expect, test } from 'vitest';
import { getMicrosteps } from 'xstate';
import { migrationMachine } from '../../statecharts/machine.ts';
import { eventsDuring, fullName, outputs, policies, type Snapshot } from './machine.ts';
import { isFoundInJournal, type Visit, walk } from './walk.ts';

const walks = policies.map((policy) => walk(policy));
const visits = walks.flat();
const edges = visits.flatMap((visit) => visit.edges);

/** Every innermost state of the machine, by its path. */
function leaves(node: { path: string[]; states: object } = migrationMachine.root): string[] {
  const inner = Object.values(node.states) as { path: string[]; states: object }[];
  return inner.length === 0 ? [node.path.join('.')] : inner.flatMap(leaves);
}

/** States that a step ends in or passes through. */
function passed({ from, event, to }: (typeof edges)[number]): string[] {
  const between = getMicrosteps(migrationMachine, from.snapshot, event).map(([snapshot]) => fullName(snapshot));
  return [...between, fullName(to.snapshot)];
}

const nameOf = (visit: Visit) => fullName(visit.snapshot);
const unique = (names: Iterable<string>) => [...new Set(names)].sort();

describe('the path of one org', () => {
  test('every state can be reached', () => {
    const byName = new Map(edges.map((edge) => [`${nameOf(edge.from)} ${edge.event.type} ${nameOf(edge.to)}`, edge]));
    expect(unique(['planned', ...[...byName.values()].flatMap(passed)])).toEqual(unique(leaves()));
  });

  test('every state that is no end has a way to an end', () => {
    for (const walked of walks) {
      const leadingTo = new Map<Visit, Visit[]>();
      for (const { from, to } of walked.flatMap((visit) => visit.edges)) {
        leadingTo.set(to, [...(leadingTo.get(to) ?? []), from]);
      }
      const reached = new Set<Visit>();
      const queue = walked.filter(({ snapshot }) => snapshot.status === 'done');
      for (let visit = queue.pop(); visit !== undefined; visit = queue.pop()) {
        if (reached.has(visit)) continue;
        reached.add(visit);
        queue.push(...(leadingTo.get(visit) ?? []));
      }
      expect(walked.filter((visit) => !reached.has(visit)).map(({ key }) => key)).toEqual([]);
    }
  });

  test('every state that is no end waits for something that will come: a result, a deadline or a command', () => {
    const idle = visits.filter(({ snapshot, work, edges }) => {
      const { asked, deadlines } = work;
      return snapshot.status !== 'done' && asked.length + deadlines.length === 0 && edges.length === 0;
    });
    expect(unique(idle.map(nameOf))).toEqual([]);
  });

  test('what is under way depends on the state alone, so that the journal and a new owner agree on it', () => {
    const work = new Map<string, Set<string>>();
    for (const visit of visits) {
      const name = nameOf(visit);
      work.set(name, (work.get(name) ?? new Set()).add(JSON.stringify(visit.work)));
    }
    expect([...work].filter(([, kinds]) => kinds.size > 1)).toEqual([]);
  });

  test('every answer of an effect is heard where the effect runs', () => {
    const heard = new Set(edges.map(({ from, event }) => `${nameOf(from)} ${event.type}`));
    const unheard = visits.flatMap((visit) =>
      visit.work.asked
        .flatMap((effect) => [...(outputs[effect].length > 0 ? [`${effect}.done`] : []), `${effect}.failed`])
        .map((type) => `${nameOf(visit)} ${type}`)
        .filter((answer) => !heard.has(answer)),
    );
    // What cannot be given up: the driver does it again until it succeeds.
    expect(unique(unheard)).toEqual([
      'flipping.aborting flip.abort.failed',
      'flipping.recovering flip.decide.failed',
      'flipping.release flip.release.failed',
      'rollingBack.aborting flip.abort.failed',
      'rollingBack.recovering flip.decide.failed',
      'rollingBack.release flip.release.failed',
    ]);
  });

  test('every guard decides both ways', () => {
    const decided = new Map<string, Set<boolean>>();
    const guards = Object.keys(migrationMachine.implementations.guards);
    const asWatched = migrationMachine.provide({
      guards: Object.fromEntries(
        guards.map((name) => {
          const original = migrationMachine.implementations.guards[name] as (args: unknown, params: unknown) => boolean;
          const watched = (args: unknown, params: unknown) => {
            const answer = original(args, params);
            decided.set(name, (decided.get(name) ?? new Set()).add(answer));
            return answer;
          };
          return [name, watched];
        }),
      ) as never,
    });
    for (const { snapshot, work } of visits) {
      const { value, context } = snapshot;
      const watched = asWatched.resolveState({ value, context });
      for (const event of eventsDuring(work)) getMicrosteps(asWatched, watched, event);
    }
    expect(guards.filter((name) => decided.get(name)?.size !== 2)).toEqual([]);
  });
});

describe('recovery', () => {
  test('what lives in memory only is never found by a new owner: all of it lies behind a hold that recovers', () => {
    const memory = visits.filter(({ snapshot }) => !isFoundInJournal(snapshot));
    expect(memory.every(({ snapshot }) => snapshot.hasTag('undecided') && snapshot.hasTag('holding'))).toBe(true);
    const ways = edges.filter(({ from, to }) => isFoundInJournal(from.snapshot) && !isFoundInJournal(to.snapshot));
    expect(unique(ways.map(({ from }) => nameOf(from)))).toEqual([
      'flipping.undecided.hold',
      'rollingBack.undecided.hold',
    ]);
  });

  test('it begins in the hold and asks what was decided', () => {
    const recovered = edges.filter(({ event }) => event.type === 'recover');
    expect(unique(recovered.map(({ from, to }) => `${nameOf(from)} > ${nameOf(to)}`))).toEqual([
      'flipping.undecided.hold > flipping.recovering',
      'rollingBack.undecided.hold > rollingBack.recovering',
    ]);
  });

  test.each([
    { phase: 'flipping', decision: 'commit', next: 'flipping.release', serving: 'cluster' },
    { phase: 'flipping', decision: 'abort', next: 'flipping.aborting', serving: 'source' },
    { phase: 'rollingBack', decision: 'commit', next: 'rollingBack.release', serving: 'source' },
    { phase: 'rollingBack', decision: 'abort', next: 'rollingBack.aborting', serving: 'cluster' },
  ])('$phase: after the decision $decision it goes to $next, and $serving serves', ({
    phase,
    decision,
    next,
    serving,
  }) => {
    const decided = edges.filter(
      ({ from, event }) =>
        nameOf(from) === `${phase}.recovering` &&
        event.type === 'flip.decide.done' &&
        event.output.decision === decision,
    );
    expect(unique(decided.map(({ to }) => nameOf(to)))).toEqual([next]);
    const left = decided.flatMap(({ to }) => to.edges).filter(({ to }) => nameOf(to) !== next);
    expect(left.length).toBeGreaterThan(0);
    expect(unique(left.map(({ to }) => servingOf(to.snapshot)))).toEqual([serving]);
  });

  test('a commit whose end is not known is asked about, never taken for an abort', () => {
    const failed = edges.filter(({ event }) => event.type === 'flip.commit.failed');
    expect(unique(failed.map(({ to }) => nameOf(to)))).toEqual(['flipping.recovering', 'rollingBack.recovering']);
  });
});

function servingOf(snapshot: Snapshot): string {
  return snapshot.context.serving;
}
