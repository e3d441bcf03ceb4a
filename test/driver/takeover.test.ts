import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pollUntil } from '../../infra/lab/databases/index.ts';
import { StoreUnavailableError } from '../../src/errors/index.ts';
import type { EffectName } from '../../statecharts/effects.ts';
import { savedJournals } from '../statecharts/journals.ts';
import { type StoreServer, startStoreServer } from '../store/world.ts';
import { allWell, Script } from './script.ts';
import { controller, freezable, journalIn, losingAnswerOf, messages, plan, rowOf, running } from './world.ts';

let server: StoreServer;
beforeAll(async () => {
  server = await startStoreServer('mariadb');
});
afterAll(() => server.close());

const saved = [...(await savedJournals(1)).values()].filter(({ next }) => next.length > 0);

describe('a restart', () => {
  test('in every state goes on where the journal stands, and asks again exactly what was asked', async () => {
    const { store } = await server.newStore();
    const dueMs = Date.now() + 3_600_000;
    for (const [n, { state, journal }] of saved.entries()) {
      const id = `m-${n}`;
      await store.create({
        id,
        orgId: n,
        homeRegion: 'eu-west-2',
        state,
        atMs: Date.now(),
        journal: {
          ...journal,
          context: { ...journal.context, migrationId: id, orgId: n },
          asked: journal.asked as EffectName[],
          deadlines: Object.fromEntries(Object.keys(journal.deadlines).map((deadline) => [deadline, dueMs])),
        } as never,
        timeline: [],
      });
    }
    const script = new Script();
    const a = controller('a', store, script);
    await a.driver.start();
    const askedOf = (n: number) => script.open().filter(({ run }) => run.migration.orgId === n);
    for (const [n, { state, journal }] of saved.entries()) {
      const isInHold = state.endsWith('.hold');
      const wanted = isInHold ? ['flip.decide'] : journal.asked;
      await pollUntil(`${state} to be taken up`, async () => askedOf(n).length === wanted.length);
      expect({ state, asked: askedOf(n).map(({ effect }) => effect) }).toEqual({ state, asked: wanted });
      expect(askedOf(n).map(({ run }) => run.epoch)).toEqual(wanted.map(() => 1));
      const runner = a.driver.runner(`m-${n}`);
      expect(runner?.state).toBe(isInHold ? state.replace('.hold', '.recovering') : state);
    }
    for (const call of script.open().filter(({ effect }) => effect === 'flip.decide'))
      call.finish({ decision: 'abort' });
    await pollUntil('both aborts to run', async () => script.of('flip.abort').length === 2);
    for (const call of script.of('flip.abort')) call.finish();
    await a.stop();
    expect(script.open()).toEqual([]);
  });

  test('keeps its deadlines: what was due meanwhile comes at once, the rest when it was to come', async () => {
    const { store, another } = await server.newStore();
    const late = await plan(store, 4, { soakMs: 3_600_000 });
    const soon = await plan(store, 42, { soakMs: 900 });
    const script = new Script(allWell(['complete']));
    const a = controller('a', store, script);
    await a.driver.start();
    for (const id of [late, soon]) await a.driver.command(id, 'start', 'ann', undefined);
    const before = await journalIn({ store }, late, 'soaking');
    await journalIn({ store }, soon, 'soaking');
    await a.stop();
    const dueMs = (await rowOf(store, soon)).journal.deadlines.soak ?? 0;
    await pollUntil('the deadline to pass with nobody there', async () => Date.now() > dueMs);
    expect((await rowOf(store, soon)).state).toBe('soaking');

    const b = controller('b', another(), script);
    await b.driver.start();
    await journalIn({ store }, soon, 'completing');
    expect((await rowOf(store, late)).journal.deadlines).toEqual(before.journal.deadlines);
    expect(b.driver.runner(late)?.state).toBe('soaking');
    await b.stop();
  });
});

describe('a hand-over', () => {
  test('is immediate: the effects end, and the next controller goes on long before the grace time', async () => {
    const { store, another } = await server.newStore();
    const id = await plan(store, 42);
    const script = new Script(allWell(['replication.fullLoad']));
    const a = controller('a', store, script);
    const b = controller('b', another(), script);
    await a.driver.start();
    await a.driver.command(id, 'start', 'ann', undefined);
    const load = await running(script, 'replication.fullLoad', 'a');
    await b.driver.start();
    expect(b.driver.runner(id)).toBeUndefined();
    await a.stop();
    const stoppedAtMs = performance.now();
    expect(load.run.signal.aborted).toBe(true);
    expect(load.run.ownership.aborted).toBe(true);
    expect(a.released).toEqual([id]);
    const again = await running(script, 'replication.fullLoad', 'b');
    expect(performance.now() - stoppedAtMs).toBeLessThan(1_500);
    expect(again.run.epoch).toBe(load.run.epoch + 1);
    again.finish();
    await journalIn({ store }, id, 'completed');
    expect(script.of('replication.create')).toHaveLength(1);
    await b.stop();
  });

  test('in a hold waits for the end of the hold', async () => {
    const { store } = await server.newStore();
    const id = await plan(store, 42, { flipTries: 1, approval: 'auto' });
    const script = new Script(allWell(['flip.marker', 'flip.abort']));
    const a = controller('a', store, script);
    await a.driver.start();
    await a.driver.command(id, 'start', 'ann', undefined);
    const marker = await running(script, 'flip.marker');
    let hasStopped = false;
    const stopped = a.stop().then(() => {
      hasStopped = true;
    });
    marker.fail(new Error('no marker'));
    const abort = await running(script, 'flip.abort');
    expect(hasStopped).toBe(false);
    expect(abort.run.signal.aborted).toBe(false);
    abort.finish();
    await stopped;
    expect(await rowOf(store, id)).toMatchObject({ state: 'ready', owner: null });
  });
});

describe('an owner that freezes inside a flip', () => {
  test.each([
    { at: 'flip.fence', decision: 'abort', next: 'flip.abort', last: 'ready' },
    { at: 'flip.release', decision: 'commit', next: 'flip.release', last: 'verifying.settling' },
  ] as const)('at $at is replaced; the decision stands at $decision, and when it wakes it changes nothing', async ({
    at,
    decision,
    next,
    last,
  }) => {
    const { store, another } = await server.newStore();
    const id = await plan(store, 42, { flipTries: 1 });
    const script = new Script(allWell([at, 'flip.abort', 'flip.decide', 'flip.release', 'flip.settle']));
    const process = freezable(store);
    const a = controller('a', process.store, script);
    const b = controller('b', another(), script);
    await a.driver.start();
    await a.driver.command(id, 'start', 'ann', undefined);
    const left = await running(script, at, 'a');
    process.freeze();
    await b.driver.start();
    const decide = await running(script, 'flip.decide', 'b');
    expect(await rowOf(store, id)).toMatchObject({ state: 'flipping.hold', epoch: 2, owner: 'b' });
    decide.finish({ decision });
    const goingOn = await running(script, next, 'b');

    // It wakes in the middle: its result comes late, its store says whose the migration is.
    left.finish();
    process.goOn();
    await pollUntil('the old owner to let go', async () => a.driver.runner(id) === undefined);
    expect(a.released).toEqual([id]);
    expect(script.open().filter(({ instance }) => instance === 'a')).toEqual([]);
    goingOn.finish();
    await journalIn({ store }, id, last);
    expect(await rowOf(store, id)).toMatchObject({ epoch: 2, owner: 'b' });
    await Promise.all([a.stop(), b.stop()]);
  });

  test('outside a flip lets go as soon as it looks, though nothing happens', async () => {
    const { store, another } = await server.newStore();
    const id = await plan(store, 42, { approval: 'manual' });
    const script = new Script(allWell());
    const process = freezable(store);
    const a = controller('a', process.store, script);
    const b = controller('b', another(), script);
    await a.driver.start();
    await a.driver.command(id, 'start', 'ann', undefined);
    const watch = await running(script, 'lag.watch', 'a');
    await journalIn({ store }, id, 'ready');
    process.freeze();
    await b.driver.start();
    await running(script, 'lag.watch', 'b');
    process.goOn();
    await pollUntil('the old owner to let go', async () => watch.run.signal.aborted);
    expect(a.driver.runner(id)).toBeUndefined();
    expect(b.driver.runner(id)?.state).toBe('ready');
    await Promise.all([a.stop(), b.stop()]);
  });
});

describe('two controllers', () => {
  test('never run one migration at the same time, and leave none', async () => {
    const { store, another } = await server.newStore();
    const ids: string[] = [];
    for (let orgId = 1; orgId <= 8; orgId++) ids.push(await plan(store, orgId));
    const script = new Script(allWell(['replication.fullLoad']));
    const a = controller('a', store, script);
    const b = controller('b', another(), script);
    await Promise.all([a.driver.start(), b.driver.start()]);
    for (const id of ids)
      await (a.driver.runner(id) === undefined ? b : a).driver.command(id, 'start', 'ann', undefined);
    const openBy = () => Map.groupBy(script.open(), ({ run }) => run.migration.migrationId);
    await pollUntil('all to load', async () => script.of('replication.fullLoad').length === ids.length);
    for (const [id, calls] of openBy()) {
      expect(calls).toHaveLength(1);
      expect((await rowOf(store, id)).owner).toBe(calls[0]?.instance);
    }
    await a.stop();
    await pollUntil('the other to have all', async () => {
      const open = script.open();
      return open.length === ids.length && open.every(({ instance }) => instance === 'b');
    });
    for (const call of script.open()) call.finish();
    for (const id of ids) await journalIn({ store }, id, 'completed');
    for (const id of ids) {
      const epochs = script.calls.filter(({ run }) => run.migration.migrationId === id).map(({ run }) => run.epoch);
      expect(epochs).toEqual([...epochs].sort((x, y) => x - y));
    }
    await b.stop();
  });

  test('a journal that cannot be read keeps nobody from the others, and is left to whoever can', async () => {
    const { store, sql } = await server.newStore();
    const unreadable = await plan(store, 1);
    const fine = await plan(store, 2);
    await sql(`UPDATE migrations SET journal = JSON_SET(journal, '$.version', 7) WHERE id = ?`, [unreadable]);
    const script = new Script();
    const a = controller('a', store, script);
    await a.driver.start();
    await a.driver.command(fine, 'start', 'ann', undefined);
    await running(script, 'preflight');
    const owners = await sql('SELECT id, owner FROM migrations ORDER BY id');
    expect(owners).toEqual([
      { id: unreadable, owner: null },
      { id: fine, owner: 'a' },
    ]);
    await a.stop();
  });

  test.each([
    'claim',
    'get',
  ] as const)('an answer to %s that is lost leaves no migration without an owner', async (operation) => {
    const { store } = await server.newStore();
    const id = await plan(store, 42);
    const losing = losingAnswerOf(store, operation, () => new StoreUnavailableError('the test took it away'));
    const script = new Script();
    const a = controller('a', losing.store, script);
    await a.driver.start().catch(() => {});
    expect(losing.lost()).toBe(1);
    await a.driver.claimNow();
    await a.driver.command(id, 'start', 'ann', undefined);
    await running(script, 'preflight');
    expect((await messages(store, id)).filter((message) => message === 'start by ann')).toHaveLength(1);
    await a.stop();
  });
});
