import { describe, expect, it } from 'vitest';
import type { Side } from '../../src/ports/routing.ts';
import { planRepair, type RepairStep } from '../../src/repair/plan.ts';
import { diagnosisOf, type Picture, proxy, seen, silent, task } from './picture.ts';

const held: Picture = {
  state: 'flipping.hold',
  context: { serving: 'held' },
  attempt: {},
  sites: 'nobody',
  cluster: 'nobody',
  routes: 'held',
  tasks: [task('forward')],
  ownerAlive: false,
};
const soaking: Picture = {
  state: 'soaking',
  context: { serving: 'cluster' },
  attempt: { decision: 'commit' },
  sites: 'reverse',
  cluster: 'clients',
  routes: 'cluster',
  tasks: [task('reverse')],
};

const text = (step: RepairStep): string => {
  switch (step.do) {
    case 'abort':
      return `abort ${step.attempt}`;
    case 'deleteTask':
      return `delete ${step.task}`;
    case 'route':
      return `${step.proxy} to ${step.to}`;
    case 'journal':
      return `journal ${step.serving}`;
    default:
      return `${step.place} to ${step.to}`;
  }
};
const plan = (picture: Picture, serve: Side | null = null) => planRepair(diagnosisOf(picture), serve).steps.map(text);

describe('the way back to a state that holds', () => {
  it('is nothing where nothing is wrong', () => {
    expect(plan(soaking)).toEqual([]);
  });

  it('aborts what nobody decided: fences before routes', () => {
    expect(plan(held)).toEqual(['abort 1', 'lon1 to clients', 'lon2 to clients', 'p1 to source', 'p2 to source']);
  });

  it('goes forward behind a commit', () => {
    expect(plan({ ...held, attempt: { decision: 'commit' }, routes: 'parked' })).toEqual([
      'aurora to clients',
      'p1 to cluster',
      'p2 to cluster',
    ]);
  });

  it('goes back to the cluster from a way back that nobody decided', () => {
    expect(
      plan({ ...held, state: 'rollingBack.hold', attempt: { direction: 'back' }, tasks: [task('reverse')] }),
    ).toEqual(['abort 1', 'aurora to clients', 'p1 to cluster', 'p2 to cluster']);
  });

  it('closes the wrong side before it opens the right one', () => {
    expect(plan({ ...soaking, sites: 'clients', cluster: 'clients' })).toEqual(['lon1 to reverse', 'lon2 to reverse']);
  });

  it('deletes a task that would write over the side that serves', () => {
    expect(plan({ ...soaking, tasks: [task('reverse'), task('forward', { status: 'stopped' })] })).toEqual([
      'delete bigdb-org42-forward-g1',
    ]);
  });

  it('saves a route again that a restart would lose', () => {
    const spoil: NonNullable<Picture['spoil']> = (reality) => ({
      ...reality,
      proxies: [proxy('p1', 'cluster', { saved: false }), proxy('p2', 'cluster')],
    });
    expect(plan({ ...soaking, spoil })).toEqual(['p1 to cluster']);
  });

  it('has another number for another plan, and the same for the same', () => {
    const numbers = [held, { ...held, attempt: { decision: 'commit' as const } }, held].map(
      (picture) => planRepair(diagnosisOf(picture), null).planId,
    );
    expect(numbers[0]).toBe(numbers[2]);
    expect(numbers[0]).not.toBe(numbers[1]);
  });
});

describe('where people have to say which side serves', () => {
  const contradicting: Picture = { ...soaking, sites: 'clients', cluster: 'nobody' };

  it('only the other side than the journal’s is open to clients', () => {
    expect(() => plan(contradicting)).toThrow(expect.objectContaining({ code: 'REPAIR_AMBIGUOUS' }));
    expect(plan(contradicting, 'cluster')).toEqual(['lon1 to reverse', 'lon2 to reverse', 'aurora to clients']);
    expect(plan(contradicting, 'source')).toEqual([
      'delete bigdb-org42-reverse-g1',
      'p1 to source',
      'p2 to source',
      'journal source',
    ]);
  });

  it('there is no journal', () => {
    const lost: Picture = { ...soaking, journal: silent };
    expect(plan(lost)).toEqual([]);
    const closed: Picture = { ...lost, cluster: 'nobody' };
    expect(() => plan(closed)).toThrow(expect.objectContaining({ code: 'REPAIR_AMBIGUOUS' }));
    expect(plan(closed, 'cluster')).toEqual(['aurora to clients']);
  });

  it('but nobody overrules what journal and fences agree on', () => {
    expect(() => plan(soaking, 'source')).toThrow(expect.objectContaining({ code: 'REPAIR_BLOCKED' }));
  });
});

it('does not open one side while it cannot see whether the other is closed', () => {
  const spoil: NonNullable<Picture['spoil']> = (reality) => ({
    ...reality,
    places: reality.places.map((place) => (place.name === 'lon2' ? { ...place, fence: silent } : place)),
  });
  expect(() => plan({ ...soaking, cluster: 'nobody', spoil })).toThrow(
    expect.objectContaining({ code: 'REPAIR_BLOCKED', message: expect.stringContaining('lon2') }),
  );
});

it('leaves a silent proxy for later: it is held, or its writes meet the fence', () => {
  const spoil: NonNullable<Picture['spoil']> = (reality) => ({
    ...reality,
    proxies: [proxy('p1', 'held'), { name: 'p2', route: silent }],
    homeRegion: seen('eu-west-2'),
  });
  expect(plan({ ...held, sites: 'clients', spoil })).toEqual(['abort 1', 'p1 to source']);
});
