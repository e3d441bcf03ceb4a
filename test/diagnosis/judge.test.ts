import { describe, expect, it } from 'vitest';
import { diagnosisOf, type Picture, place, proxy, seen, silent, task } from './picture.ts';

const ready: Picture = { state: 'ready', tasks: [task('forward')] };
const soaking: Picture = {
  state: 'soaking',
  context: { serving: 'cluster' },
  attempt: { decision: 'commit' },
  sites: 'reverse',
  cluster: 'clients',
  routes: 'cluster',
  tasks: [task('reverse')],
};
const held: Picture = {
  state: 'flipping.hold',
  context: { serving: 'held' },
  attempt: {},
  routes: 'held',
  tasks: [task('forward'), task('reverse', { status: 'ready' })],
};
const codes = (picture: Picture) => diagnosisOf(picture).contradictions.map(({ code, where }) => `${code} ${where}`);

describe('an org as it should be shows no contradiction', () => {
  it.each<[string, Picture]>([
    ['planned', { state: 'planned', context: { generation: 0 }, routes: 'none' }],
    ['loading', { state: 'replicating.fullLoad', context: { replicationTries: 1 }, tasks: [task('forward')] }],
    ['ready', ready],
    ['held', held],
    ['held, with the sites closed', { ...held, sites: 'nobody', cluster: 'nobody', routes: 'parked' }],
    [
      'committed, on its way',
      { ...held, attempt: { decision: 'commit' }, sites: 'nobody', cluster: 'clients', routes: 'parked' },
    ],
    ['soaking', soaking],
    [
      'back at the source',
      {
        ...soaking,
        state: 'rollingBack.comparing',
        context: { serving: 'source' },
        sites: 'clients',
        cluster: 'nobody',
        routes: 'source',
        tasks: [],
      },
    ],
    ['completed', { ...soaking, state: 'completed', sites: 'nobody', tasks: [], ended: true }],
    ['cancelled', { state: 'cancelled', cluster: 'nobody', ended: true }],
    [
      'going back with a loss that was accepted',
      { ...soaking, state: 'rollingBack.prepare', context: { serving: 'cluster', lossAccepted: true }, tasks: [] },
    ],
    [
      'stuck on the cluster',
      { ...soaking, state: 'needsOperator', context: { serving: 'cluster', resumeAt: 'rollingBack' } },
    ],
  ])('%s', (_, picture) => {
    expect(diagnosisOf(picture).contradictions).toEqual([]);
  });
});

describe('what cannot be as it is found', () => {
  it.each<[string, Picture, string[]]>([
    [
      'two proxies, two sides',
      { ...soaking, spoil: (r) => ({ ...r, proxies: [proxy('p1', 'source'), proxy('p2', 'cluster')] }) },
      ['TWO_SIDES_ROUTED the fleet', 'ROUTE_UNEXPECTED p1'],
    ],
    [
      'both sides open',
      { ...soaking, sites: 'clients' },
      ['TWO_FENCES_OPEN the sites, aurora', 'FENCE_UNEXPECTED lon1', 'FENCE_UNEXPECTED lon2'],
    ],
    [
      'the cluster open before anything was decided',
      { ...held, cluster: 'clients' },
      ['TWO_FENCES_OPEN the sites, aurora', 'FENCE_UNEXPECTED aurora'],
    ],
    [
      'a proxy that went ahead of the decision',
      { ...held, spoil: (r) => ({ ...r, proxies: [proxy('p1', 'held'), proxy('p2', 'cluster')] }) },
      ['ROUTE_UNEXPECTED p2'],
    ],
    [
      'an org open at a foreign cluster',
      { ...ready, spoil: (r) => ({ ...r, places: [...r.places.slice(0, 3), place('other', 'clients')] }) },
      ['TWO_FENCES_OPEN the sites, other', 'FENCE_UNEXPECTED other'],
    ],
    [
      'a route that a restart would lose',
      { ...soaking, spoil: (r) => ({ ...r, proxies: [proxy('p1', 'cluster', { saved: false })] }) },
      ['ROUTE_NOT_SAVED p1'],
    ],
    [
      'a route from the future',
      { ...soaking, spoil: (r) => ({ ...r, proxies: [proxy('p1', 'cluster', { epoch: 9 })] }) },
      ['ROUTE_NEWER_THAN_JOURNAL p1'],
    ],
    [
      'a fence from the future',
      {
        ...ready,
        spoil: (r) => ({
          ...r,
          places: r.places.map((p) => (p.name === 'lon2' ? { ...p, fence: seen({ writer: 'clients', epoch: 9 }) } : p)),
        }),
      },
      ['FENCE_NEWER_THAN_JOURNAL lon2'],
    ],
    [
      'a forward task that was forgotten',
      { ...soaking, tasks: [task('reverse'), task('forward', { status: 'stopped' })] },
      ['TASK_UNEXPECTED DMS eu-west-2'],
    ],
    [
      'a task of an earlier generation',
      { ...ready, tasks: [task('forward'), task('forward', { id: 'bigdb-org42-forward-g0', generation: 0 })] },
      ['TASK_UNEXPECTED DMS eu-west-2'],
    ],
    ['no way back', { ...soaking, tasks: [] }, ['TASK_MISSING DMS eu-west-2']],
    ['a failed task', { ...ready, tasks: [task('forward', { status: 'failed' })] }, ['TASK_FAILED DMS eu-west-2']],
    [
      'another home region',
      { ...ready, spoil: (r) => ({ ...r, homeRegion: seen('us-east-1') }) },
      ['HOME_REGION_DIFFERS CoreDB'],
    ],
    [
      'another server at the address',
      {
        ...ready,
        spoil: (r) => ({
          ...r,
          places: r.places.map((p) =>
            p.name === 'aurora'
              ? { ...p, identity: seen({ kind: 'cluster' as const, name: 'other', homeRegion: 'us-east-1' }) }
              : p,
          ),
        }),
      },
      ['IDENTITY_DIFFERS aurora'],
    ],
    [
      'a read-only cluster',
      {
        ...soaking,
        spoil: (r) => ({
          ...r,
          places: r.places.map((p) => (p.name === 'aurora' ? { ...p, readOnly: seen(true) } : p)),
        }),
      },
      ['PLACE_READ_ONLY aurora'],
    ],
    ['nobody at work', { ...ready, ownerAlive: false }, ['OWNER_MISSING journal']],
    [
      'silence, which is neither good nor bad',
      { ...ready, spoil: (r) => ({ ...r, proxies: [proxy('p1', 'source'), { name: 'p2', route: silent }] }) },
      ['NOT_SEEN p2'],
    ],
    ['no journal', { ...ready, journal: silent }, ['JOURNAL_UNREADABLE journal']],
  ])('%s', (_, picture, expected) => {
    expect(codes(picture)).toEqual(expected);
  });
});
