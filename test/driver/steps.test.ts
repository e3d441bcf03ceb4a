import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pollUntil } from '../../infra/lab/databases/index.ts';
import { StoreUnavailableError, TravelTooSlowError } from '../../src/errors/index.ts';
import type { EffectName } from '../../statecharts/effects.ts';
import { rejection, type StoreServer, startStoreServer } from '../store/world.ts';
import { allWell, Script } from './script.ts';
import { aroundCommits, controller, journalIn, losingAnswerOf, messages, plan, rowOf, running } from './world.ts';

let server: StoreServer;
beforeAll(async () => {
  server = await startStoreServer('mariadb');
});
afterAll(() => server.close());

const outage = () => new StoreUnavailableError('the test took it away');

describe('a step', () => {
  test('is written down before its effects run, but for the steps inside a hold', async () => {
    const { store } = await server.newStore();
    const id = await plan(store, 42);
    const script = new Script(allWell());
    const begun: EffectName[] = [];
    const seen: { effect: EffectName; state: string; asked: readonly string[] }[] = [];
    const look = async (effect: EffectName) => {
      // Where two begin at once, their looks may be answered in any order.
      const place = seen.push({ effect, state: '', asked: [] }) - 1;
      const { state, journal } = await rowOf(store, id);
      seen[place] = { effect, state, asked: journal.asked };
    };
    const handlers = script.handlers('a');
    const looking = Object.fromEntries(
      Object.entries(handlers).map(([effect, handler]) => [
        effect,
        async (run: never) => {
          // At once: two effects of one step look at the row side by side, and either may have its answer first.
          begun.push(effect as EffectName);
          await look(effect as EffectName);
          return handler(run);
        },
      ]),
    ) as typeof handlers;
    const a = controller('a', store, Object.assign(new Script(), { handlers: () => looking }) as Script);
    await a.driver.start();
    await a.driver.command(id, 'start', 'ann', undefined);
    await journalIn({ store }, id, 'completed');
    await a.stop();

    const inMemory = [
      'flip.drain',
      'flip.fence',
      'flip.marker',
      'flip.pin',
      'flip.park',
      'flip.commit',
      'flip.release',
    ];
    for (const { effect, state, asked } of seen) {
      if (inMemory.includes(effect))
        expect({ effect, state, asked }).toEqual({ effect, state: 'flipping.hold', asked: ['flip.hold'] });
      else expect(asked, effect).toContain(effect);
    }
    expect(begun).toEqual([
      'preflight',
      'snapshot',
      'replication.reset',
      'replication.create',
      'replication.fullLoad',
      'replication.catchUp',
      'lag.check',
      'flip.prepare',
      'flip.hold',
      'flip.drain',
      'flip.fence',
      'flip.marker',
      'flip.pin',
      'flip.park',
      'flip.commit',
      'flip.release',
      'flip.settle',
      'verify',
      'verify.watch',
      'soak.watch',
      'schema.watch',
      'complete',
    ]);
    expect(a.states.get(id)).toEqual(expect.arrayContaining(['flipping.drain', 'flipping.commit', 'flipping.release']));
    // The steps that lived in memory are told of with the first one behind them.
    const told = (await store.events(id, 0, 1_000)).map(({ state }) => state);
    expect(told).toEqual(
      expect.arrayContaining(['flipping.drain', 'flipping.commit', 'flipping.release', 'completed']),
    );
  });

  test('whose answer was lost is taken once', async () => {
    const { store } = await server.newStore();
    const id = await plan(store, 42);
    const losing = losingAnswerOf(store, 'commit', outage);
    const script = new Script();
    const a = controller('a', losing.store, script);
    await a.driver.start();
    await a.driver.command(id, 'start', 'ann', undefined);
    expect(losing.lost()).toBe(1);
    (await running(script, 'preflight')).finish();
    await journalIn({ store }, id, 'snapshot');
    expect((await messages(store, id)).filter((message) => message === 'start by ann')).toHaveLength(1);
    expect(script.of('preflight')).toHaveLength(1);
    await a.stop();
  });

  test('a command that the state does not take is refused with what it takes', async () => {
    const { store } = await server.newStore();
    const id = await plan(store, 42);
    const a = controller('a', store, new Script());
    await a.driver.start();
    const revision = (await rowOf(store, id)).revision;
    expect(await rejection(a.driver.command(id, 'approve', 'ann', undefined))).toMatchObject({
      code: 'COMMAND_NOT_ALLOWED',
      state: 'planned',
      allowed: ['start', 'rollback', 'cancel'],
    });
    expect(await rejection(a.driver.command('m-nobody', 'start', 'ann', undefined))).toMatchObject({
      code: 'MIGRATION_UNKNOWN',
    });
    expect((await rowOf(store, id)).revision).toBe(revision);
    await a.stop();
  });

  test('in a hold a pause is taken, and waits in memory until the hold has ended', async () => {
    const { store } = await server.newStore();
    const id = await plan(store, 42);
    const script = new Script(allWell(['flip.drain', 'flip.abort']));
    const a = controller('a', store, script);
    await a.driver.start();
    await a.driver.command(id, 'start', 'ann', undefined);
    const drain = await running(script, 'flip.drain');
    const revision = (await rowOf(store, id)).revision;
    await a.driver.command(id, 'pause', 'ann', undefined);
    expect(a.driver.runner(id)).toMatchObject({ state: 'flipping.drain' });
    expect(a.driver.runner(id)?.context.pauseRequested).toBe(true);
    expect(drain.run.signal.aborted).toBe(false);
    drain.fail(new TravelTooSlowError(42, 5_000, 3_000));
    const abort = await running(script, 'flip.abort');
    expect((await rowOf(store, id)).revision).toBe(revision);
    abort.finish();
    const row = await journalIn({ store }, id, 'paused');
    expect(row.journal.context).toMatchObject({ serving: 'source', reason: { code: 'TRAVEL_TOO_SLOW' } });
    expect(await messages(store, id)).toEqual(expect.arrayContaining(['pause by ann', 'flip.abort.done']));
    await a.stop();
  });

  test('what is told of a hold while the step behind it is being written goes with the next one, once', async () => {
    const { store } = await server.newStore();
    const id = await plan(store, 42);
    const script = new Script(allWell(['flip.drain', 'flip.abort']));
    const told: string[] = [];
    const around = aroundCommits(store, (when, { state }) => {
      if (state !== 'flipping.backoff' || told.length === 2) return;
      told.push(when);
      script.of('flip.abort')[0]?.run.note(`told ${when} the writing`);
    });
    const a = controller('a', around, script);
    await a.driver.start();
    await a.driver.command(id, 'start', 'ann', undefined);
    (await running(script, 'flip.drain')).fail(new TravelTooSlowError(42, 5_000, 3_000));
    (await running(script, 'flip.abort')).finish();
    (await running(script, 'flip.drain')).finish();
    await journalIn({ store }, id, 'completed');
    expect(told).toEqual(['before', 'behind']);
    const seen = (await messages(store, id)).filter((message) => message.startsWith('told '));
    expect(seen).toEqual(['told before the writing', 'told behind the writing']);
    await a.stop();
  });
});

describe('an effect', () => {
  test('that was dropped is not listened to any more', async () => {
    const { store } = await server.newStore();
    const id = await plan(store, 42, { approval: 'manual' });
    const script = new Script(allWell(['flip.prepare']));
    const a = controller('a', store, script);
    await a.driver.start();
    await a.driver.command(id, 'start', 'ann', undefined);
    const watch = await running(script, 'lag.watch');
    await a.driver.command(id, 'approve', 'ann', undefined);
    const prepare = await running(script, 'flip.prepare');
    expect(watch.run.signal.aborted).toBe(true);
    watch.fail(new TravelTooSlowError(42, 5_000, 3_000));
    prepare.finish();
    await journalIn({ store }, id, 'completed');
    expect((await messages(store, id)).filter((message) => message.startsWith('lag.watch'))).toEqual([]);
    await a.stop();
  });

  test('that fails is the machine’s business; one that fails for the moment is tried again', async () => {
    const { store } = await server.newStore();
    const id = await plan(store, 42);
    const script = new Script({ snapshot: () => Promise.reject(new TravelTooSlowError(42, null, 1)) });
    const a = controller('a', store, script);
    await a.driver.start();
    await a.driver.command(id, 'start', 'ann', undefined);
    (await running(script, 'preflight')).fail(outage());
    const again = await running(script, 'preflight');
    expect(a.driver.runner(id)).toMatchObject({ state: 'preflight', waitsFor: 'the test took it away' });
    again.finish();
    const row = await journalIn({ store }, id, 'needsOperator');
    expect(row.journal.context.reason).toMatchObject({ code: 'TRAVEL_TOO_SLOW', remedy: expect.any(String) });
    expect(script.of('preflight')).toHaveLength(2);
    expect(script.of('snapshot')).toHaveLength(1);
    expect(await messages(store, id)).toContain('preflight waits: the test took it away');
    await a.stop();
  });

  test('that releases an org is done again until it succeeds, whatever it meets', async () => {
    const { store } = await server.newStore();
    const id = await plan(store, 42);
    const script = new Script(allWell(['flip.release', 'flip.settle', 'soak.watch']));
    const a = controller('a', store, script);
    await a.driver.start();
    await a.driver.command(id, 'start', 'ann', undefined);
    (await running(script, 'flip.release')).fail(new TypeError('a defect'));
    (await running(script, 'flip.release')).fail(outage());
    (await running(script, 'flip.release')).finish();
    // Behind the hold there is time again: what fails for the moment waits.
    (await running(script, 'flip.settle')).fail(outage());
    (await running(script, 'flip.settle')).finish();
    await journalIn({ store }, id, 'completed');
    await a.stop();
  });

  test('before a hold every failure counts: the attempt ends, and another one begins after a while', async () => {
    const { store } = await server.newStore();
    const id = await plan(store, 42);
    const script = new Script(allWell(['flip.prepare']));
    const a = controller('a', store, script);
    await a.driver.start();
    await a.driver.command(id, 'start', 'ann', undefined);
    (await running(script, 'flip.prepare')).fail(outage());
    const second = await running(script, 'flip.prepare');
    expect(second.run.migration).toMatchObject({ attempt: 2, tries: 2 });
    second.fail(outage());
    const row = await journalIn({ store }, id, 'ready');
    expect(row.journal.context).toMatchObject({
      approved: false,
      serving: 'source',
      reason: { code: 'STORE_UNAVAILABLE' },
    });
    await a.stop();
  });
});

test('what a command at another controller asks for reaches the owner', async () => {
  const { store, another } = await server.newStore();
  const id = await plan(store, 42);
  const script = new Script();
  const a = controller('a', store, script);
  const b = controller('b', another(), script);
  await a.driver.start();
  await b.driver.start();
  expect(b.driver.runner(id)).toBeUndefined();
  await b.driver.command(id, 'start', 'bob', 'because');
  await running(script, 'preflight', 'a');
  // Refused by the machine: nothing but a line in the log.
  await b.driver.command(id, 'complete', 'bob', undefined);
  await b.driver.command(id, 'cancel', 'bob', undefined);
  await running(script, 'clean.up', 'a');
  const told = await store.events(id, 0, 100);
  expect(told.filter(({ type }) => type === 'command' || type === 'state').map(({ message }) => message)).toEqual([
    'start by bob',
    'cancel by bob',
  ]);
  expect(told[0]?.data).toMatchObject({ actor: 'bob', reason: 'because' });
  await Promise.all([a.stop(), b.stop()]);
  await pollUntil('everything to be let go of', async () => script.open().length === 0);
});
