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
      // No machine is so slow that who has just given a sign of life is silent for that long.
      const longMs = 60_000;
      const graceMs = 400;
      for (let round = 0; round < 3; round++) {
        await store.beatController('a');
        expect((await other.claim('b', longMs, nothing)).taken).toEqual([]);
      }
      await pollUntil('the silent owner to be replaced', async () => {
        await other.beatController('b');
        return (await other.claim('b', graceMs, nothing)).taken.length === 1;
      });
      expect(await store.get(id)).toMatchObject({ owner: 'b', epoch: 2 });
      expect(await rejection(step(store, id, { epoch: 1 }))).toMatchObject({ code: 'OWNERSHIP_LOST' });
      // The old owner wakes up: a sign of life brings nothing back, and it is told what it lost.
      await store.beatController('a');
      expect(await store.claim('a', longMs, { running: [id], resting: [] })).toMatchObject({ taken: [], lost: [id] });
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
      expect(await another().claim('b', 60_000, known)).toMatchObject({ taken: [{ id: 'm-4', from: null }], lost: [] });
      expect(await store.get('m-42')).toMatchObject({ owner: 'b', epoch: 2 });
    });

    test('what is owned and does not run is taken anew; what runs or rests is left alone', async () => {
      const { store } = await server().newStore();
      await Promise.all([1, 2, 3].map((orgId) => create(store, orgId)));
      await take(store, 'a');
      expect(await store.claim('a', 60_000, { running: ['m-1'], resting: ['m-3'] })).toMatchObject({
        taken: [{ id: 'm-2', from: 'a' }],
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

  describe('a lease', () => {
    test('that somebody deleted is given anew, and ends with the grace time unless its controller lives', async () => {
      const { store, another, sql } = await server().newStore();
      const alive = await create(store, 4);
      await take(store, 'a');
      const dead = await create(store, 42);
      await take(store, 'b');
      await sql('DELETE FROM controllers');
      const other = another();
      const graceMs = 1_500;
      const { taken, leaseless } = await other.claim('c', graceMs, nothing);
      expect(taken).toEqual([]);
      expect(leaseless.toSorted((x, y) => (x.owner < y.owner ? -1 : 1))).toEqual([
        { id: alive, owner: 'a' },
        { id: dead, owner: 'b' },
      ]);
      expect(await store.beatController('a')).toMatchObject({ known: true });
      const { taken: later } = await pollUntil('the dead one to be replaced', async () => {
        await store.beatController('a');
        const claim = await other.claim('c', graceMs, nothing);
        return claim.taken.length > 0 && claim;
      });
      expect(later).toEqual([{ id: dead, from: 'b' }]);
      expect(await store.get(alive)).toMatchObject({ owner: 'a', epoch: 1 });
    });

    test('is missed by its own controller at the next sign of life', async () => {
      const { store, sql } = await server().newStore();
      expect((await store.beatController('a')).known).toBe(false);
      expect((await store.beatController('a')).known).toBe(true);
      await sql('DELETE FROM controllers');
      expect((await store.beatController('a')).known).toBe(false);
    });

    test('that lies far ahead is silence too: the store’s clock was set back', async () => {
      const { store, another, sql } = await server().newStore();
      const id = await create(store, 42);
      await take(store, 'a');
      await sql('UPDATE controllers SET seen_at = seen_at + INTERVAL 1 HOUR');
      expect(await take(another(), 'b', 2_000)).toEqual([id]);
      // It lives: it has a lease again, and is told whose its migration is.
      await store.beatController('a');
      expect(await store.claim('a', 2_000, { running: [id], resting: [] })).toMatchObject({ taken: [], lost: [id] });
    });

    test('tells the store’s time', async () => {
      const { store } = await server().newStore();
      const { storeMs } = await store.beatController('a');
      expect(Math.abs(storeMs - Date.now())).toBeLessThan(60_000);
    });
  });

  test('held orgs are taken first, and no more at once than was asked for', async () => {
    const { store, sql } = await server().newStore();
    for (const orgId of [1, 2, 3, 4]) await create(store, orgId);
    await sql(`UPDATE migrations SET state = 'rollingBack.hold' WHERE id = 'm-3'`);
    await sql(`UPDATE migrations SET state = 'flipping.hold' WHERE id = 'm-4'`);
    await store.beatController('a');
    const { taken } = await store.claim('a', 60_000, { ...nothing, atMost: 3 });
    expect(taken.map(({ id }) => id)).toEqual(['m-3', 'm-4', 'm-1']);
    expect(await take(store, 'b')).toEqual(['m-2']);
  });

  test('a transaction that a frozen controller left open keeps nobody from taking over', async () => {
    const { store, another, sql } = await server().newStore();
    const id = await create(store, 42);
    await take(store, 'a');
    const [schema] = await sql('SELECT DATABASE() AS name');
    const left = server().pool(String(schema?.name));
    const connection = await left.getConnection();
    connection.begin();
    await connection.query('UPDATE migrations SET revision = revision + 1 WHERE id = ?', [id]);
    const askedAtMs = performance.now();
    const other = another();
    await other.beatController('b');
    expect(await other.claim('b', -1_000, nothing)).toMatchObject({ taken: [{ id, from: 'a' }] });
    expect(performance.now() - askedAtMs).toBeLessThan(4_500);
    connection.destroy();
    await left.end();
  });

  describe('the inbox', () => {
    test('shows each command to the owner of its migration, in order, until a step holds its effect', async () => {
      const { store, another } = await server().newStore();
      const other = another();
      await create(store, 4);
      await take(store, 'a');
      await create(store, 42);
      await take(store, 'b');
      const post = (migrationId: string, command: string, reason: string | null = null) =>
        other.postCommand({ migrationId, command, actor: 'ann', reason });
      const start = await post('m-4', 'start');
      const elsewhere = await post('m-42', 'start');
      const pause = await post('m-4', 'pause', 'because');
      const wanted = [
        { id: start, migrationId: 'm-4', command: 'start', actor: 'ann', reason: null },
        { id: pause, migrationId: 'm-4', command: 'pause', actor: 'ann', reason: 'because' },
      ];
      expect(await store.pendingCommands('a')).toEqual(wanted);
      expect(await other.pendingCommands('nobody')).toEqual([]);
      // A step that is refused takes nothing out.
      expect(await rejection(step(store, 'm-4', { epoch: 0, commands: [start] }))).toMatchObject({
        code: 'OWNERSHIP_LOST',
      });
      expect(await store.pendingCommands('a')).toEqual(wanted);
      await step(store, 'm-4', { commands: [start] });
      expect(await store.pendingCommands('a')).toEqual(wanted.slice(1));
      await store.dropCommand(pause);
      expect(await store.pendingCommands('a')).toEqual([]);
      // It waits for whoever takes the migration over, and ends with it.
      await store.release('b');
      await take(other, 'c');
      expect(await other.pendingCommands('c')).toMatchObject([{ id: elsewhere, migrationId: 'm-42' }]);
      await step(store, 'm-42', { state: 'cancelled', ended: true });
      expect(await other.pendingCommands('c')).toEqual([]);
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
