import { describe, expect, test } from 'vitest';
import type { MigrationEvent } from '../../statecharts/setup.ts';
import { commands, fullName, policies } from './machine.ts';
import { type Visit, walk } from './walk.ts';

const visits = policies.flatMap((policy) => walk(policy));
const edges = visits.flatMap((visit) => visit.edges);
const nameOf = (visit: Visit) => fullName(visit.snapshot);
const unique = (names: Iterable<string>) => [...new Set(names)].sort();

/** A pause that takes effect later, with what else is taken meanwhile: it can be taken back once it is asked for. */
const bothWays = (others: string) => [`pause resume ${others}`.trim(), `pause ${others}`.trim()].sort();

/** What each state takes; where that depends on what happened before, every combination. All else is refused. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  planned: ['start rollback cancel'],
  preflight: bothWays('rollback cancel'),
  snapshot: bothWays('rollback cancel'),
  'replicating.reset': bothWays('rollback cancel'),
  'replicating.task': bothWays('rollback cancel'),
  'replicating.fullLoad': bothWays('rollback cancel'),
  'replicating.cdc': bothWays('rollback cancel'),
  lagCheck: ['pause approve rollback cancel'],
  ready: ['pause approve rollback cancel'],
  drifted: ['pause rollback cancel'],
  paused: ['resume rollback cancel'],

  'flipping.prepare': ['pause rollback cancel'],
  'flipping.undecided.hold': bothWays('rollback cancel'),
  'flipping.undecided.drain': bothWays('rollback cancel'),
  'flipping.undecided.fence': bothWays('rollback cancel'),
  'flipping.undecided.marker': bothWays('rollback cancel'),
  'flipping.undecided.pinViews': bothWays('rollback cancel'),
  'flipping.undecided.parkReads': bothWays('rollback cancel'),
  'flipping.commit': bothWays(''),
  'flipping.recovering': bothWays(''),
  'flipping.release': bothWays('rollback'),
  'flipping.aborting': bothWays('rollback cancel'),
  'flipping.backoff': ['pause rollback cancel'],

  'verifying.settling': ['pause resume rollback'],
  'verifying.comparing': ['pause resume rollback'],
  'soaking.watching': ['pause resume rollback complete retry', 'pause resume rollback retry'],
  'soaking.soaked': ['pause resume rollback complete retry', 'pause resume rollback retry'],
  'soaking.schemaCheck': ['pause resume rollback complete retry'],
  completing: [''],

  'rollingBack.catchUp': [''],
  'rollingBack.exporting': ['resume'],
  'rollingBack.detaching': [''],
  'rollingBack.prepare': [''],
  'rollingBack.undecided.hold': bothWays(''),
  'rollingBack.undecided.drain': bothWays(''),
  'rollingBack.undecided.fence': bothWays(''),
  'rollingBack.undecided.marker': bothWays(''),
  'rollingBack.undecided.pinViews': bothWays(''),
  'rollingBack.undecided.parkReads': bothWays(''),
  'rollingBack.commit': bothWays(''),
  'rollingBack.recovering': bothWays(''),
  'rollingBack.release': [''],
  'rollingBack.aborting': [''],
  'rollingBack.backoff': [''],
  'rollingBack.settling': [''],
  'rollingBack.exportingLast': [''],
  'rollingBack.comparing': [''],

  cleaningUp: [''],
  needsOperator: [
    'resume rollback complete retry acceptLoss',
    'resume rollback retry acceptLoss',
    'retry',
    'retry acceptLoss',
    'rollback cancel retry',
    'rollback complete retry',
    'rollback retry',
  ],
  completed: [''],
  rolledBack: [''],
  cancelled: [''],
};

test('each state takes these commands and refuses all others', () => {
  const found: Record<string, string[]> = {};
  for (const visit of visits) {
    const taken = commands.filter((type) => visit.snapshot.can({ type })).join(' ');
    found[nameOf(visit)] = unique([...(found[nameOf(visit)] ?? []), taken]);
  }
  expect(found).toEqual(allowed);
});

describe('pause', () => {
  test('in a hold it is noted and changes nothing else', () => {
    const inHold = edges.filter(({ from, event }) => event.type === 'pause' && from.snapshot.hasTag('holding'));
    expect(inHold.length).toBeGreaterThan(0);
    for (const { from, to } of inHold) {
      expect(nameOf(to)).toBe(nameOf(from));
      expect(to.work).toEqual(from.work);
      expect(to.snapshot.context.pauseRequested).toBe(true);
    }
  });

  test('that has not taken effect yet is taken back by resume, and nothing else changes', () => {
    // Behind the soak only the pause kept it from completing; on a way back that cannot be gone it means to stay.
    const meansMore = new Set(['paused', 'soaking.soaked', 'needsOperator', 'rollingBack.exporting']);
    const takenBack = edges.filter(({ from, event }) => event.type === 'resume' && !meansMore.has(nameOf(from)));
    expect(takenBack.some(({ from }) => from.snapshot.hasTag('holding'))).toBe(true);
    for (const { from, to } of takenBack) {
      expect(nameOf(to)).toBe(nameOf(from));
      expect(to.work).toEqual(from.work);
      expect(to.snapshot.context).toEqual({ ...from.snapshot.context, pauseRequested: false });
    }
  });

  test('it takes effect only with the source serving, and never while anybody is held', () => {
    const paused = edges.filter(({ from, to }) => nameOf(to) === 'paused' && nameOf(from) !== 'paused');
    expect(unique(paused.map(({ to }) => to.snapshot.context.serving))).toEqual(['source']);
    expect(unique(paused.filter(({ from }) => from.snapshot.hasTag('holding')).map(({ event }) => event.type))).toEqual(
      ['flip.abort.done'],
    );
    expect(paused.some(({ to }) => to.snapshot.hasTag('holding'))).toBe(false);
  });

  test('on the cluster it holds back completion and leaves the guards on', () => {
    const onCluster = edges.filter(
      ({ from, event }) => event.type === 'pause' && /^(verifying|soaking)/.test(nameOf(from)),
    );
    expect(onCluster.length).toBeGreaterThan(0);
    for (const { from, to } of onCluster) {
      const guards = from.work.asked.filter((effect) => effect !== 'schema.watch');
      expect(to.work).toEqual({ ...from.work, asked: guards });
    }
    const completing = edges.filter(({ to }) => nameOf(to) === 'soaking.schemaCheck');
    const bySoaking = completing.filter(({ event }) => event.type === 'deadline.soak');
    const { length } = bySoaking;
    expect(length).toBeGreaterThan(0);
    expect(unique(bySoaking.map(({ from }) => String(from.snapshot.context.pauseRequested)))).toEqual(['false']);
    expect(unique(bySoaking.map(({ from }) => String(from.snapshot.context.stays)))).toEqual(['false']);
  });
});

describe('going back', () => {
  test('before the commit point it ends without the cluster ever serving', () => {
    const left = edges.filter(
      ({ from, event, to }) =>
        ['rollback', 'cancel'].includes(event.type) &&
        from.snapshot.context.serving === 'source' &&
        nameOf(to) === 'cleaningUp',
    );
    expect(left.length).toBeGreaterThan(0);
    expect(unique(left.map(({ to }) => to.snapshot.context.serving))).toEqual(['source']);
  });

  test('in a hold it aborts, and the end that was asked for follows', () => {
    const asked = edges.filter(
      ({ from, event }) => ['rollback', 'cancel'].includes(event.type) && nameOf(from).startsWith('flipping.undecided'),
    );
    expect(unique(asked.map(({ to }) => nameOf(to)))).toEqual(['flipping.aborting']);
    for (const { event, to } of asked) {
      expect(to.snapshot.context.returnRequested).toBe(event.type === 'cancel' ? 'cancelled' : 'rolledBack');
    }
    const ended = edges.filter(
      ({ from, event }) =>
        nameOf(from) === 'flipping.aborting' &&
        event.type === 'flip.abort.done' &&
        from.snapshot.context.returnRequested !== null,
    );
    expect(unique(ended.map(({ to }) => nameOf(to)))).toEqual(['cleaningUp']);
  });

  test('a cancel leads to cancelled and nowhere else, a rollback to rolledBack', () => {
    const ends = edges.filter(({ from, to }) => nameOf(from) === 'cleaningUp' && to.snapshot.status === 'done');
    expect(unique(ends.map(({ from, to }) => `${from.snapshot.context.returnRequested} > ${nameOf(to)}`))).toEqual([
      'cancelled > cancelled',
      'null > rolledBack',
      'rolledBack > rolledBack',
    ]);
    for (const { to } of ends) expect(to.snapshot.context.outcome).toBe(nameOf(to));
  });

  test('on the cluster nobody can cancel, and a rollback waits until the way back has been opened', () => {
    const onCluster = visits.filter(({ snapshot }) => snapshot.context.serving === 'cluster');
    expect(onCluster.some(({ snapshot }) => snapshot.can({ type: 'cancel' }))).toBe(false);
    const unopened = edges.filter(
      ({ from, event }) =>
        event.type === 'rollback' &&
        (nameOf(from) === 'verifying.settling' ||
          (nameOf(from) === 'needsOperator' && from.snapshot.context.resumeAt === 'verifying')),
    );
    expect(unopened.length).toBeGreaterThan(0);
    expect(unique(unopened.map(({ to }) => nameOf(to)))).toEqual(['verifying.settling']);
  });

  test('after the commit nothing but the release follows', () => {
    const behind = edges.filter(({ from }) => /\.release$/.test(nameOf(from)));
    expect(unique(behind.map(({ to }) => nameOf(to)))).toEqual([
      'flipping.release',
      'rollingBack.settling',
      'verifying.settling',
    ]);
  });
});

describe('a schema that has changed', () => {
  const isDrift = (event: MigrationEvent) => 'failure' in event && event.failure.code === 'SCHEMA_DRIFT';

  test('stops before anything is held, and goes on to the lag gate with the approval it had', () => {
    const stopped = edges.filter(({ event }) => isDrift(event) && /^(flip.prepare|lag.watch)/.test(event.type));
    const forward = stopped.filter(({ from }) => !nameOf(from).startsWith('rollingBack'));
    expect(unique(forward.map(({ to }) => nameOf(to)))).toEqual(['drifted']);
    for (const { from, to } of forward) expect(to.snapshot.context.approved).toBe(from.snapshot.context.approved);
    const goneOn = edges.filter(({ from, event }) => nameOf(from) === 'drifted' && event.type === 'schema.watch.done');
    expect(unique(goneOn.map(({ to }) => nameOf(to)))).toEqual(['lagCheck']);
  });

  test('keeps completion back with the guards on, and the way back open', () => {
    const kept = visits.filter((visit) => nameOf(visit) === 'soaking.schemaCheck');
    expect(kept.length).toBeGreaterThan(0);
    for (const { work, snapshot } of kept) {
      expect(work.asked).toEqual(['schema.watch', 'soak.watch']);
      expect(snapshot.can({ type: 'rollback' })).toBe(true);
    }
  });
});

describe('completion', () => {
  test('that is kept back is tried again after a while', () => {
    const kept = edges.filter(
      ({ from, event }) => nameOf(from) === 'soaking.schemaCheck' && event.type === 'schema.watch.failed',
    );
    expect(unique(kept.map(({ to }) => nameOf(to)))).toEqual(['soaking.watching']);
    for (const { to } of kept) expect(to.work.deadlines).toContain('soak');
  });

  test('needs a comparison that found both sides equal, and none since that did not', () => {
    const completing = edges.filter(({ from, to }) => nameOf(to) === 'completing' && nameOf(from) !== 'completing');
    expect(unique(completing.map(({ from }) => String(from.snapshot.context.verified)))).toEqual(['true']);
    const doubted = edges.filter(
      ({ event }) =>
        event.type === 'verify.failed' || (event.type === 'verify.done' && event.output.outcome === 'different'),
    );
    const forward = doubted.filter(({ from }) => nameOf(from) === 'verifying.comparing');
    expect(unique(forward.map(({ to }) => String(to.snapshot.context.verified)))).toEqual(['false']);
  });
});
