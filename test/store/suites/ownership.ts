import { describe, expect, test } from 'vitest';
import { freePort, pollUntil } from '../../../infra/lab/databases/index.ts';
import { createStore } from '../../../src/adapters/store/store.ts';
import { create, nothing, rejection, type StoreServer, step, take } from '../world.ts';

export function ownershipSuite(server: () => StoreServer): void {
  describe('ownership', () => {
    test('what has no owner is taken once, with a new epoch', async () => {
      const { store, another } = await server().newStore();
      const other = another();
      const ids = await Promise.all([1, 2, 3, 4, 5, 6].map((orgId) => create(store, orgId)));
      const [a, b] = await Promise.all([take(store, 'a'), take(other, 'b')]);
      expect([...a, ...b].sort()).toEqual(ids);
      for (const id of ids) {
        expect(await store.get(id)).toMatchObject({ owner: a.includes(id) ? 'a' : 'b', epoch: 1, revision: 2 });
      }
      expect(await take(other, 'c')).toEqual([]);
    });

    test('is kept by a sign of life and lost by silence, by the store’s clock', async () => {
      const { store, another } = await server().newStore();
      const id = await create(store, 42);
      await take(store, 'a');
      const other = another();
      const graceMs = 400;
      for (let round = 0; round < 3; round++) {
        await store.beatController('a');
        expect((await other.claim('b', graceMs, nothing)).taken).toEqual([]);
      }
      await pollUntil('the silent owner to be replaced', async () => {
        await other.beatController('b');
        return (await other.claim('b', graceMs, nothing)).taken.length === 1;
      });
      expect(await store.get(id)).toMatchObject({ owner: 'b', epoch: 2 });
      expect(await rejection(step(store, id, { epoch: 1 }))).toMatchObject({ code: 'OWNERSHIP_LOST' });
      // The old owner wakes up: a sign of life brings nothing back, and it is told what it lost.
      await store.beatController('a');
      expect(await store.claim('a', graceMs, { running: [id], resting: [] })).toEqual({ taken: [], lost: [id] });
    });

    test('what was let go of is free at once', async () => {
      const { store, another } = await server().newStore();
      await create(store, 4);
      await create(store, 42);
      await take(store, 'a');
      await store.releaseOne('a', 'm-42');
      expect(await take(another(), 'b')).toEqual(['m-42']);
      await store.releaseOne('a', 'm-42');
      expect(await store.get('m-42')).toMatchObject({ owner: 'b' });
      await store.release('a');
      const known = { running: ['m-42'], resting: [] };
      expect(await another().claim('b', 60_000, known)).toEqual({ taken: ['m-4'], lost: [] });
      expect(await store.get('m-42')).toMatchObject({ owner: 'b', epoch: 2 });
    });

    test('what is owned and does not run is taken anew; what runs or rests is left alone', async () => {
      const { store } = await server().newStore();
      await Promise.all([1, 2, 3].map((orgId) => create(store, orgId)));
      await take(store, 'a');
      expect(await store.claim('a', 60_000, { running: ['m-1'], resting: ['m-3'] })).toEqual({
        taken: ['m-2'],
        lost: [],
      });
      expect(await store.get('m-1')).toMatchObject({ epoch: 1 });
      expect(await store.get('m-2')).toMatchObject({ epoch: 2, owner: 'a' });
      expect(await store.get('m-3')).toMatchObject({ epoch: 1 });
    });

    test('what has ended is nobody’s business any more', async () => {
      const { store } = await server().newStore();
      const id = await create(store, 42);
      await take(store, 'a');
      await step(store, id, { state: 'completed', ended: true });
      await store.release('a');
      expect(await take(store, 'b')).toEqual([]);
      expect(await store.get(id)).toMatchObject({ epoch: 1, ended: true });
    });
  });

  describe('the inbox', () => {
    test('hands each command once, in order, to the owner of its migration', async () => {
      const { store, another } = await server().newStore();
      const other = another();
      await create(store, 4);
      await take(store, 'a');
      await create(store, 42);
      await take(store, 'b');
      const post = (migrationId: string, command: string, reason: string | null = null) =>
        other.postCommand({ migrationId, command, actor: 'ann', reason });
      await post('m-4', 'start');
      await post('m-42', 'start');
      await post('m-4', 'pause', 'because');
      const [first, second, third] = await Promise.all([
        store.takeCommands('a'),
        other.takeCommands('a'),
        other.takeCommands('nobody'),
      ]);
      expect([...first, ...second]).toEqual([
        { migrationId: 'm-4', command: 'start', actor: 'ann', reason: null },
        { migrationId: 'm-4', command: 'pause', actor: 'ann', reason: 'because' },
      ]);
      expect(third).toEqual([]);
      // It waits for whoever takes the migration over.
      await store.release('b');
      await take(other, 'c');
      expect(await other.takeCommands('c')).toMatchObject([{ migrationId: 'm-42', command: 'start' }]);
      expect(await other.takeCommands('c')).toEqual([]);
    });
  });

  test('a store that does not answer says so', async () => {
    const port = await freePort();
    const store = createStore({ host: '127.0.0.1', port, user: 'nobody', password: '', database: 'none' });
    for (const failing of [store.ping(), store.migrate(), store.get('m-1'), store.claim('a', 0, nothing)]) {
      expect(await rejection(failing)).toMatchObject({ code: 'STORE_UNAVAILABLE', transient: true });
    }
    await store.close();
  });
}
