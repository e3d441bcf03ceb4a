import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { SecondPersonError, StoreUnavailableError, VerificationStaleError } from '../../src/errors/index.ts';
import { create, rejection, type StoreServer, startStoreServer, step, take } from '../store/world.ts';
import { alice, bob, orgs, WaveWorld } from './world.ts';

let server: StoreServer;
let world: WaveWorld;
beforeAll(async () => {
  server = await startStoreServer('mariadb');
});
afterAll(() => server?.close());
afterEach(() => world?.stop());

const worldWith = async (options: ConstructorParameters<typeof WaveWorld>[1] = {}) => {
  world = new WaveWorld(await server.newStore(), options);
  return world;
};

const poll = <T>(look: () => T | Promise<T>) => expect.poll(look, { timeout: 20_000, interval: 50 });
const standings = async (id: string) =>
  (await world.waves.orgs(id, { after: 0, limit: 100 })).map(({ orgId, standing }) => `${orgId} ${standing}`);

describe('a wave is made', () => {
  test('of named orgs, the small ones first and canaries before them', async () => {
    await worldWith({ orgs: orgs(30, 10, 20) });
    const { id, state, allowed, orgs: count } = await world.create({ orgs: [30, 10, 20], canaries: { orgs: [20] } });
    expect([state, count, allowed]).toEqual(['planned', 3, ['start', 'cancel']]);
    const list = await world.waves.orgs(id, { after: 0, limit: 10 });
    expect(list.map(({ orgId, rows, canary }) => [orgId, rows, canary])).toEqual([
      [20, 20, true],
      [10, 10, false],
      [30, 30, false],
    ]);
    const given = await world.waves.orgs(id, { after: 1, limit: 1 });
    expect(given.map(({ orgId }) => orgId)).toEqual([10]);
  });

  test('of what a filter finds that is fit to move', async () => {
    await worldWith({
      orgs: {
        ...orgs(1, 2, 3, 4, 50, 60),
        7: { homeRegion: 'us-east-1', rows: 7 },
        8: { homeRegion: null, rows: 8 },
      },
    });
    const { store } = world;
    await create(store, 1);
    await take(store, 'a');
    await step(store, 'm-1', { state: 'completed', ended: true });
    await create(store, 2);
    await world.create({ orgs: [3] });
    const chosen = async (filter: object, more: object = {}) => {
      const { id } = await world.create({ filter, ...more });
      const found = (await world.waves.orgs(id, { after: 0, limit: 100 })).map(({ orgId }) => orgId);
      await world.store.changeWave({ id, revision: 1 }, { ...(await required(id)), state: 'cancelled', ended: true });
      return found;
    };
    expect(await chosen({})).toEqual([4, 7, 50, 60]);
    expect(await chosen({ homeRegion: 'us-east-1' })).toEqual([7]);
    expect(await chosen({ minRows: 7, maxRows: 50 })).toEqual([7, 50]);
    expect(await chosen({ fromOrg: 5, toOrg: 50, except: [7] })).toEqual([50]);
    expect(await chosen({ atMost: 2 }, { canaries: { count: 1 } })).toEqual([4, 7]);
  });

  test('not of orgs that are unknown, named twice, moving, moved, or without a region: all are told', async () => {
    await worldWith({ orgs: { ...orgs(1, 2, 3), 8: { homeRegion: null, rows: 1 } } });
    const { store } = world;
    await create(store, 1);
    await take(store, 'a');
    await step(store, 'm-1', { state: 'completed', ended: true });
    await create(store, 2);
    const error = await rejection(world.create({ orgs: [1, 2, 3, 3, 8, 999] }));
    expect(error).toMatchObject({
      code: 'WAVE_SELECTION_REFUSED',
      details: {
        total: 5,
        orgs: [
          { orgId: 1, why: 'moved', of: 'm-1' },
          { orgId: 2, why: 'moving', of: 'm-2' },
          { orgId: 3, why: 'duplicate', of: null },
          { orgId: 8, why: 'noHomeRegion', of: null },
          { orgId: 999, why: 'unknown', of: null },
        ],
      },
    });
    expect((await world.waves.list({ limit: 10 })).items).toEqual([]);
    expect(await rejection(world.create({ orgs: [3], canaries: { orgs: [2] } }))).toMatchObject({
      code: 'WAVE_SELECTION_REFUSED',
      details: { orgs: [{ orgId: 2, why: 'notInWave', of: null }] },
    });
  });

  test('not of orgs of another wave, until that has ended', async () => {
    await worldWith({ orgs: orgs(1, 2, 3) });
    const first = await world.create({ orgs: [1, 2] });
    expect(await rejection(world.create({ orgs: [2, 3] }))).toMatchObject({
      code: 'WAVE_SELECTION_REFUSED',
      details: { orgs: [{ orgId: 2, why: 'inWave', of: first.id }] },
    });
    world.drive('a');
    await world.waves.command(first.id, 'cancel', { reason: 'other plans' }, alice);
    await poll(async () => (await world.waves.get(first.id)).state).toBe('cancelled');
    expect((await world.create({ orgs: [2, 3] })).orgs).toBe(2);
  });

  test('of two that want the same org at once only one', async () => {
    await worldWith({ orgs: orgs(1, 2, 3) });
    const results = await Promise.allSettled([1, 3].map((other) => world.create({ orgs: [2, other] })));
    const failed = results.filter((result) => result.status === 'rejected').map(({ reason }) => reason.code);
    expect(failed).toHaveLength(1);
    expect(['WAVE_OVERLAPS', 'WAVE_SELECTION_REFUSED']).toContain(failed[0]);
    expect((await world.waves.list({ limit: 10 })).items).toHaveLength(1);
  });

  test('not of nothing', async () => {
    await worldWith({ orgs: orgs(1) });
    for (const request of [
      { orgs: [] },
      { filter: { homeRegion: 'ap-south-1' } },
      { filter: { minRows: 1_000 } },
      { filter: { except: [1] } },
    ]) {
      expect(await rejection(world.create(request))).toMatchObject({ code: 'WAVE_EMPTY' });
    }
  });

  test('not with a window that never opens, nor in a time zone that does not exist', async () => {
    await worldWith({ orgs: orgs(1) });
    const window = { timeZone: 'Europe/London', times: [{ from: '10:00', to: '11:00' }] };
    const refused = async (settings: object) => rejection(world.create({ orgs: [1], ...settings }));
    expect(await refused({ flipWindow: { ...window, lastDay: '2020-01-01' } })).toMatchObject({
      code: 'WINDOW_NEVER_OPENS',
      details: { window: 'flipWindow' },
    });
    expect(await refused({ startWindow: { ...window, times: [{ from: '10:00', to: '10:00' }] } })).toMatchObject({
      code: 'WINDOW_NEVER_OPENS',
      details: { window: 'startWindow' },
    });
    expect(await refused({ flipWindow: { ...window, timeZone: 'Europe/Atlantis' } })).toMatchObject({
      code: 'TIME_ZONE_UNKNOWN',
    });
    expect(await refused({ policy: { approval: 'auto', soakMs: 1 } })).toMatchObject({ code: 'POLICY_LOOSENED' });
    expect((await world.create({ orgs: [1], flipWindow: window })).state).toBe('planned');
  });
});

describe('a wave runs', () => {
  test('orgs start and flip one behind the other, in the names of who is responsible, all of it audited', async () => {
    await worldWith({ orgs: orgs(1, 2, 3), limits: { source: 2, flips: 1 } });
    const { id } = await world.create({ orgs: [1, 2, 3] });
    world.drive('a');
    await world.waves.command(id, 'start', {}, bob);
    await poll(() => standings(id)).toEqual(['1 loading', '2 loading', '3 waiting']);
    expect((await world.waves.get(id)).waits.map(({ code }) => code)).toEqual(['limit', 'orgs']);
    await world.comeTo(1, 'ready');
    await world.comeTo(2, 'ready');
    await poll(() => standings(id)).toEqual(['1 flipping', '2 ready', '3 waiting']);
    await world.attempt(1, 1, 'commit');
    await world.comeTo(1, 'soaking');
    await poll(() => standings(id)).toEqual(['1 onCluster', '2 flipping', '3 loading']);
    for (const [orgId, state] of [
      [1, 'completed'],
      [2, 'completed'],
      [3, 'cancelled'],
    ] as const) {
      await world.comeTo(orgId, state);
    }
    await poll(async () => (await world.waves.get(id)).state).toBe('completed');
    expect(world.given.toSorted()).toEqual(
      [1, 2, 3]
        .flatMap((org) => [`create ${org} by bob`, `start ${org} by bob`])
        .concat([1, 2].map((org) => `approve ${org} by wave ${id}`))
        .toSorted(),
    );
    const audit = await world.store.audit(0, 100);
    expect(
      audit.map(({ actor, action, target, outcome }) => `${actor} ${action} ${target} ${outcome?.status}`),
    ).toContain(`wave ${id} wave approve m-1 200`);
    expect(audit.filter(({ role }) => role !== 'controller')).toHaveLength(8);
    expect((await world.store.list({ wave: id, limit: 10 })).map(({ orgId }) => orgId)).toEqual([1, 2, 3]);
  });

  test('flips at once hold across waves', async () => {
    await worldWith({ orgs: orgs(1, 2), limits: { flips: 1 } });
    const waves = [await world.create({ orgs: [1] }), await world.create({ orgs: [2] })];
    world.drive('a');
    for (const { id } of waves) await world.waves.command(id, 'start', {}, bob);
    await poll(async () => (await world.store.newestOf(2))?.state).toBe('preflight');
    await poll(async () => (await world.store.newestOf(1))?.state).toBe('preflight');
    await world.comeTo(1, 'ready');
    await world.comeTo(2, 'ready');
    await poll(async () => (await world.move(1)).state).toBe('flipping.prepare');
    const second = await world.waves.get(waves[1]?.id ?? '');
    expect(second.waits[0]?.message).toBe('the limit of flips: 1 of 1 orgs that flip');
    expect(world.given.filter((each) => each.startsWith('approve'))).toHaveLength(1);
  });

  test('nobody flips before an approver has approved it, who neither made nor started it', async () => {
    await worldWith({ orgs: orgs(1), policy: { approval: 'manual', approvedBy: 'another' } });
    const { id, allowed } = await world.create({ orgs: [1] });
    expect(allowed).toContain('approve');
    world.drive('a');
    const refused = { code: 'SECOND_PERSON_NEEDED' };
    expect(await rejection(world.waves.command(id, 'approve', {}, alice))).toMatchObject(refused);
    const carol = { ...bob, name: 'carol' };
    await world.waves.command(id, 'start', {}, carol);
    expect(await rejection(world.waves.command(id, 'approve', {}, carol))).toMatchObject(refused);
    await poll(async () => (await world.store.newestOf(1))?.state).toBe('preflight');
    await world.comeTo(1, 'ready');
    await poll(async () => (await world.waves.get(id)).waits[0]?.code).toBe('approval');
    await world.waves.command(id, 'approve', {}, bob);
    await poll(() => standings(id)).toEqual(['1 flipping']);
    expect(world.given.at(-1)).toBe('approve 1 by bob');
  });

  test('an approver who then starts the wave himself is refused', async () => {
    await worldWith({ orgs: orgs(1), policy: { approval: 'manual', approvedBy: 'another' } });
    const { id } = await world.create({ orgs: [1] });
    await world.waves.command(id, 'approve', {}, bob);
    expect(await rejection(world.waves.command(id, 'start', {}, bob))).toMatchObject({ code: 'SECOND_PERSON_NEEDED' });
    expect((await world.waves.command(id, 'start', {}, alice)).state).toBe('running');
  });

  test('a freeze holds everything back, and its end lets it go on', async () => {
    await worldWith({ orgs: orgs(1) });
    const { id } = await world.create({ orgs: [1] });
    await world.store.freeze('eve', 'incident', 0);
    world.drive('a');
    await world.waves.command(id, 'start', {}, alice);
    await poll(async () => (await world.waves.get(id)).waits[0]?.message).toContain('the freeze by eve');
    expect(world.given).toEqual([]);
    await world.store.unfreeze();
    await poll(() => standings(id)).toEqual(['1 loading']);
  });

  test('commands that its state does not allow are refused with those that are; repeated ones change nothing', async () => {
    await worldWith({ orgs: orgs(1) });
    const { id } = await world.create({ orgs: [1] });
    expect(await rejection(world.waves.command(id, 'pause', {}, alice))).toMatchObject({
      code: 'COMMAND_NOT_ALLOWED',
      allowed: ['start', 'cancel'],
    });
    const started = await world.waves.command(id, 'start', {}, alice);
    expect((await world.waves.command(id, 'start', {}, bob)).version).toBe(started.version);
    expect((await world.waves.get(id)).startedBy).toBe('alice');
    expect(await rejection(world.waves.get('w-nobody'))).toMatchObject({ code: 'WAVE_UNKNOWN' });
  });
});

describe('a wave in trouble', () => {
  test('stops by its rule and leaves the others as they are, and goes on when somebody resumes it', async () => {
    await worldWith({ orgs: orgs(1, 2, 3, 4, 5), limits: { source: 4 } });
    const { id } = await world.create({ orgs: [1, 2, 3, 4, 5], stop: { stuck: 3 } });
    world.drive('a');
    await world.waves.command(id, 'start', {}, alice);
    await poll(() => standings(id)).toEqual(['1 loading', '2 loading', '3 loading', '4 loading', '5 waiting']);
    for (const orgId of [1, 2, 3]) await world.comeTo(orgId, 'needsOperator');
    await poll(async () => (await world.waves.get(id)).state).toBe('paused');
    const { reason, troubles, allowed } = await world.waves.get(id);
    expect(reason).toMatchObject({ code: 'WAVE_STOPPED' });
    expect(reason?.message).toContain('3 orgs need a person (1, 2, 3)');
    expect([troubles.stuck, allowed]).toEqual([
      [1, 2, 3],
      ['resume', 'cancel', 'rollback'],
    ]);
    await world.comeTo(4, 'ready');
    const before = world.given.length;
    await rounds(3);
    expect(world.given.slice(before)).toEqual([]);
    expect(await standings(id)).toEqual(['1 stuck', '2 stuck', '3 stuck', '4 ready', '5 waiting']);

    await world.waves.command(id, 'resume', { reason: 'looked at them' }, alice);
    await poll(() => standings(id)).toEqual(['1 stuck', '2 stuck', '3 stuck', '4 flipping', '5 waiting']);
    expect((await world.waves.get(id)).history.map(({ message }) => message)).toContain(
      'resume by alice: looked at them',
    );
  });

  test('a refusal that no waiting changes pauses the wave with it', async () => {
    await worldWith({ orgs: orgs(1) });
    const { id } = await world.create({ orgs: [1] });
    world.drive('a');
    await world.waves.command(id, 'start', {}, alice);
    await poll(() => standings(id)).toEqual(['1 loading']);
    world.failures.set('approve', new SecondPersonError('approve', 'alice'));
    await world.comeTo(1, 'ready');
    await poll(async () => (await world.waves.get(id)).reason?.code).toBe('SECOND_PERSON_NEEDED');
    expect((await world.waves.get(id)).state).toBe('paused');
  });

  test('an org that cannot be let go yet is asked again later', async () => {
    await worldWith({ orgs: orgs(1) });
    const { id } = await world.create({ orgs: [1] });
    world.drive('a');
    await world.waves.command(id, 'start', {}, alice);
    await poll(() => standings(id)).toEqual(['1 loading']);
    world.failures.set(
      'approve',
      new VerificationStaleError(1, 'stale', { at: null, ageMs: null, mostMs: 1, mismatches: null }),
    );
    await world.comeTo(1, 'ready');
    await poll(() => world.given.filter((each) => each.startsWith('approve')).length).toBe(1);
    await poll(async () => (await world.waves.orgs(id, { after: 0, limit: 1 }))[0]?.letGo).toBe(false);
    await poll(() => standings(id)).toEqual(['1 flipping']);
  });

  test('an org that cannot be created is refused with the reason, and the others go on', async () => {
    await worldWith({ orgs: orgs(1, 2), limits: { source: 1 } });
    const { id } = await world.create({ orgs: [1, 2] });
    // Somebody was faster, by hand.
    await create(world.store, 1, 'm-by-hand');
    world.drive('a');
    await world.waves.command(id, 'start', {}, alice);
    await poll(() => standings(id)).toEqual(['1 refused', '2 loading']);
    const [refused] = await world.waves.orgs(id, { after: 0, limit: 1 });
    expect(refused?.refusal).toMatchObject({ code: 'ORG_ALREADY_MOVING' });
  });

  test('the stop rule is asked between a start that was refused and the next one', async () => {
    await worldWith({ orgs: orgs(1, 2, 3, 4) });
    const { id } = await world.create({ orgs: [1, 2, 3, 4], stop: { stuck: 2 } });
    await create(world.store, 1, 'm-by-hand-1');
    await create(world.store, 2, 'm-by-hand-2');
    world.drive('a');
    await world.waves.command(id, 'start', {}, alice);
    await poll(async () => (await world.waves.get(id)).state).toBe('paused');
    expect(await standings(id)).toEqual(['1 refused', '2 refused', '3 waiting', '4 waiting']);
  });

  test('a rollback takes all its orgs back that have not completed, and starts no other', async () => {
    await worldWith({ orgs: orgs(1, 2, 3, 4), limits: { source: 3 } });
    const { id } = await world.create({ orgs: [1, 2, 3, 4] });
    world.drive('a');
    await world.waves.command(id, 'start', {}, alice);
    await poll(() => standings(id)).toEqual(['1 loading', '2 loading', '3 loading', '4 waiting']);
    await world.comeTo(1, 'completed');
    await poll(async () => (await world.store.newestOf(4))?.state).toBe('preflight');
    await world.comeTo(2, 'soaking');
    await world.waves.command(id, 'rollback', { reason: 'incident' }, bob);
    await poll(() => standings(id)).toEqual(['1 completed', '2 goingBack', '3 rolledBack', '4 rolledBack']);
    expect((await world.waves.get(id)).state).toBe('rollingBack');
    await world.comeTo(2, 'rolledBack');
    await poll(async () => (await world.waves.get(id)).state).toBe('rolledBack');
    expect(world.given.filter((each) => each.startsWith('rollback'))).toEqual([
      'rollback 2 by bob',
      'rollback 3 by bob',
      'rollback 4 by bob',
    ]);
  });

  test('an approval leaves a wave that stopped as it stopped, and says why', async () => {
    await worldWith({ orgs: orgs(1, 2), policy: { approval: 'manual', approvedBy: 'anyone' } });
    const { id } = await world.create({ orgs: [1, 2], stop: { stuck: 1 } });
    world.drive('a');
    await world.waves.command(id, 'start', {}, alice);
    await poll(() => standings(id)).toEqual(['1 loading', '2 loading']);
    await world.comeTo(1, 'needsOperator');
    await poll(async () => (await world.waves.get(id)).state).toBe('paused');
    const { since, reason } = await world.waves.get(id);
    expect(reason?.code).toBe('WAVE_STOPPED');
    expect(await world.waves.command(id, 'approve', {}, bob)).toMatchObject({ state: 'paused', since, reason });
  });

  test('a way back that failed is a person’s, whatever the wave has been told', async () => {
    await worldWith({ orgs: orgs(1) });
    const { id } = await world.create({ orgs: [1] });
    world.drive('a');
    await world.waves.command(id, 'start', {}, alice);
    await poll(() => standings(id)).toEqual(['1 loading']);
    await world.comeTo(1, 'needsOperator', false, { returnRequested: 'rolledBack' });
    await world.waves.command(id, 'rollback', { reason: 'incident' }, bob);
    await rounds(3);
    expect(world.given.filter((each) => each.startsWith('rollback'))).toEqual([]);
    expect((await world.waves.get(id)).waits.map(({ code }) => code)).toEqual(['orgs', 'persons']);
  });

  test('a pause that comes behind the picture keeps an org from being let go once more', async () => {
    await worldWith({ orgs: orgs(1) });
    const { id } = await world.create({ orgs: [1] });
    const lease = { instance: 'a', epoch: (await world.store.keepWaves('a', 60_000))?.epoch ?? 0 };
    await world.waves.command(id, 'start', {}, alice);
    expect(await world.store.letGo(lease, id, 1, 0)).toBe(true);
    expect(await world.store.letGo(lease, id, 1, 0)).toBe(true);
    await world.waves.command(id, 'pause', {}, alice);
    expect(await world.store.letGo(lease, id, 1, 0)).toBe(false);
  });

  test('one whose policy the configuration has outgrown can still be looked at, and cancelled', async () => {
    await worldWith({ orgs: orgs(1) });
    const { id } = await world.create({ orgs: [1], policy: { soakMs: world.policy.soakMs * 2 } });
    // As after a restart with a stricter configuration.
    (world.policy as { soakMs: number }).soakMs *= 3;
    expect((await world.waves.list({ limit: 10 })).items.map((wave) => wave.id)).toEqual([id]);
    expect((await world.waves.plan(id)).id).toBe(id);
    expect((await world.waves.command(id, 'cancel', { reason: 'x' }, alice)).state).toMatch(/^cancel/);
  });

  test('cancelling leaves orgs on their cluster alone', async () => {
    await worldWith({ orgs: orgs(1, 2, 3), limits: { source: 2 } });
    const { id } = await world.create({ orgs: [1, 2, 3] });
    world.drive('a');
    await world.waves.command(id, 'start', {}, alice);
    await poll(() => standings(id)).toEqual(['1 loading', '2 loading', '3 waiting']);
    await world.waves.command(id, 'pause', {}, alice);
    await world.comeTo(1, 'soaking');
    await world.waves.command(id, 'cancel', { reason: 'enough' }, alice);
    await poll(async () => (await world.waves.get(id)).state).toBe('cancelled');
    expect(await standings(id)).toEqual(['1 onCluster', '2 cancelled', '3 waiting']);
  });
});

describe('controllers', () => {
  test('one drives; another goes on within the grace time when it dies, and nothing is begun twice', async () => {
    await worldWith({ orgs: orgs(1, 2, 3), limits: { source: 2 } });
    const { id } = await world.create({ orgs: [1, 2, 3] });
    // It is frozen in the middle of its first command: written down, and not said.
    const thaw = Promise.withResolvers<void>();
    world.stalled = thaw.promise;
    const first = world.drive('a');
    await world.waves.command(id, 'start', {}, alice);
    await poll(async () => (await world.store.waveOrgs(id)).filter(({ askedToStart }) => askedToStart).length).toBe(1);
    const frozen = world.stalled;
    world.stalled = null;
    await world.instance.sql('UPDATE wave_driver SET seen_at = UTC_TIMESTAMP(3) - INTERVAL 1 MINUTE');
    const second = world.drive('b');
    await poll(() => standings(id)).toEqual(['1 loading', '2 loading', '3 waiting']);
    expect(world.given.every((each) => each.startsWith('b: '))).toBe(true);
    // The old one comes back: the lease is another's, and its org moves already.
    thaw.resolve();
    await frozen;
    await poll(() => world.given.filter((each) => each.startsWith('a: ')).length).toBeGreaterThan(0);
    await rounds(2);
    expect(await standings(id)).toEqual(['1 loading', '2 loading', '3 waiting']);
    expect((await world.store.list({ wave: id, limit: 10 })).map(({ orgId }) => orgId)).toEqual([1, 2]);
    await first.stop();
    await second.stop();
  });

  test('a wave that was given up meanwhile gets no late move of a driver that was frozen', async () => {
    await worldWith({ orgs: orgs(1) });
    const { id } = await world.create({ orgs: [1] });
    const thaw = Promise.withResolvers<void>();
    world.stalled = thaw.promise;
    world.drive('a');
    await world.waves.command(id, 'start', {}, alice);
    await poll(async () => (await world.store.waveOrgs(id))[0]?.askedToStart).toBe(true);
    await world.instance.sql('UPDATE wave_driver SET seen_at = UTC_TIMESTAMP(3) - INTERVAL 1 MINUTE');
    world.drive('b');
    await world.waves.command(id, 'cancel', { reason: 'enough' }, alice);
    await poll(async () => (await world.waves.get(id)).state).toBe('cancelled');
    thaw.resolve();
    await poll(() => world.given.some((each) => each === 'a: create 1 by alice')).toBe(true);
    await rounds(2);
    expect(await world.store.newestOf(1)).toBeNull();
  });

  test('a store that fails for a moment costs nothing but time', async () => {
    await worldWith({ orgs: orgs(1) });
    const { id } = await world.create({ orgs: [1] });
    world.failures.set('create', new StoreUnavailableError('gone'));
    world.drive('a');
    await world.waves.command(id, 'start', {}, alice);
    await poll(() => standings(id)).toEqual(['1 loading']);
    expect(world.given.filter((each) => each.startsWith('create'))).toHaveLength(2);
  });
});

test('a dry run tells schedule, tasks, load and quotas, and changes nothing', async () => {
  await worldWith({ orgs: orgs(1_000, 2_000, 3_000), limits: { source: 2, flips: 1 } });
  const { id, version } = await world.create({ orgs: [1_000, 2_000, 3_000] });
  const plan = await world.waves.plan(id);
  expect(plan.orgs.map(({ orgId }) => orgId)).toEqual([1_000, 2_000, 3_000]);
  const [first, , third] = plan.orgs.map(({ startsAt }) => Date.parse(startsAt ?? ''));
  // It takes a minute and a second for its thousand rows, then its flip.
  expect((third ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(61_000);
  expect(plan.load).toEqual({ loadingAtOnce: 2, rowsPerSecond: 2_000, rows: 6_000 });
  expect(plan.tasks).toEqual([{ homeRegions: 'eu-west-2', atOnce: 6 }]);
  expect(plan.quotas).toEqual([{ where: 'region eu-west-2', used: 590, max: 600, needed: 6, fits: true }]);
  expect(plan.standsStill).toBeNull();
  expect((await world.waves.get(id)).version).toBe(version);
});

/** So many more looks of the driver. */
async function rounds(count: number): Promise<void> {
  for (let round = 0; round < count; round++) {
    const [before] = await world.instance.sql('SELECT seen_at FROM wave_driver');
    world.wake();
    await poll(async () => {
      const [now] = await world.instance.sql('SELECT seen_at FROM wave_driver');
      return Number(now?.seen_at) > Number(before?.seen_at);
    }).toBe(true);
  }
}

async function required(id: string) {
  const row = await world.store.getWave(id);
  if (row === null) throw new Error(`there is no wave ${id}`);
  return row;
}
