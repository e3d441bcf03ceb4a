import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pollUntil } from '../../infra/lab/databases/index.ts';
import { type StoreServer, startStoreServer } from '../store/world.ts';
import { allWell, Script } from './script.ts';
import { controller, journalIn, messages, plan, rowOf, running } from './world.ts';

let server: StoreServer;
beforeAll(async () => {
  server = await startStoreServer('mariadb');
});
afterAll(() => server.close());

/** Longer than the store's own limit for one statement, so that every call under way is given up. */
const longFreezeMs = 6_000;

describe('the store is away for a while', () => {
  test('stopped and started: the step waits, and everything goes on by itself', async () => {
    const { store } = await server.newStore();
    const ids = [await plan(store, 4), await plan(store, 42)] as const;
    const script = new Script(allWell(['replication.fullLoad']));
    const a = controller('a', store, script);
    await a.driver.start();
    for (const id of ids) await a.driver.command(id, 'start', 'ann', undefined);
    await pollUntil('both to load', async () => script.of('replication.fullLoad').length === 2);
    await server.server.stop();
    const [first] = script.open();
    first?.finish();
    const waiting = a.driver.runner(first?.run.migration.migrationId ?? '');
    await pollUntil('the step to wait for the store', async () => waiting?.waitsFor?.startsWith('the store:'));
    expect(waiting?.state).toBe('replicating.fullLoad');
    expect(script.of('replication.catchUp')).toEqual([]);
    await server.server.restart();
    await journalIn({ store }, first?.run.migration.migrationId ?? '', 'completed');
    for (const call of script.open()) call.finish();
    for (const id of ids) {
      await journalIn({ store }, id, 'completed');
      const told = await messages(store, id);
      expect(told.filter((message) => message === 'replication.fullLoad.done')).toHaveLength(1);
      expect((await store.events(id, 0, 1_000)).map(({ seq }) => seq)).toEqual(told.map((_, n) => n + 1));
    }
    await a.stop();
  });

  test('stopped in a hold: the steps of the hold go on without it, and the next one behind the hold waits', async () => {
    const { store } = await server.newStore();
    const id = await plan(store, 42);
    const script = new Script(allWell(['flip.drain', 'flip.abort']));
    const a = controller('a', store, script);
    await a.driver.start();
    await a.driver.command(id, 'start', 'ann', undefined);
    const drain = await running(script, 'flip.drain');
    await server.server.stop();
    drain.fail(new Error('a session stayed'));
    (await running(script, 'flip.abort')).finish();
    const runner = a.driver.runner(id);
    await pollUntil('the step to wait for the store', async () => runner?.waitsFor?.startsWith('the store:'));
    await server.server.restart();
    // Whether as the same owner or as a new one that recovers: the org comes out of the hold and is moved.
    await pollUntil('the move to end', async () => {
      for (const call of script.open()) if (call.effect !== 'soak.watch') call.finish();
      return (await rowOf(store, id)).state === 'completed';
    });
    await a.stop();
  });

  test('frozen: calls under way are given up, nothing is done twice', async () => {
    const { store } = await server.newStore();
    const id = await plan(store, 42);
    const script = new Script(allWell(['replication.fullLoad']));
    const a = controller('a', store, script);
    await a.driver.start();
    await a.driver.command(id, 'start', 'ann', undefined);
    const load = await running(script, 'replication.fullLoad');
    await server.server.kill('SIGSTOP');
    const frozenAtMs = performance.now();
    try {
      load.finish();
      const runner = a.driver.runner(id);
      await pollUntil('the step to wait for the store', async () => runner?.waitsFor?.startsWith('the store:'));
      await pollUntil('the freeze to last', async () => performance.now() - frozenAtMs > longFreezeMs);
    } finally {
      await server.server.kill('SIGCONT');
    }
    await journalIn({ store }, id, 'completed');
    expect((await messages(store, id)).filter((message) => message === 'replication.fullLoad.done')).toHaveLength(1);
    expect(script.of('replication.catchUp')).toHaveLength(1);
    await a.stop();
  });
});
