import { describe, expect, test } from 'vitest';
import type { PurgeStatus } from '../../../src/service/status.ts';
import { create, type StoreServer, take } from '../world.ts';

const lease = 60_000;
const at = '2026-01-02T03:04:05.000Z';
const ordered: PurgeStatus = {
  state: 'running',
  by: 'an approver',
  why: 'a test',
  orderedAt: at,
  site: null,
  rowsExpected: null,
  rowsDeleted: 0,
  tables: [],
  etaMs: null,
  waitsFor: 'its turn',
  reason: null,
  changedAt: at,
};
const orderOf = (orgId: number) => ({ migrationId: `m-${orgId}`, orgId, homeRegion: 'eu-west-2' });

export function purgeSuite(server: () => StoreServer): void {
  describe('purges', () => {
    test('one is taken by one controller, under an epoch that is newer than all before it', async () => {
      const { store, another } = await server().newStore();
      const id = await create(store, 42);
      await take(store, 'a');
      const before = (await store.get(id))?.epoch ?? 0;
      expect(await store.claimPurge('a', lease, 1)).toBeNull();
      expect(await store.beginPurge(orderOf(42), ordered)).toBe(true);
      expect(await store.beginPurge(orderOf(42), ordered)).toBe(false);
      await store.beatController('a');
      const owned = await store.claimPurge('a', lease, 1);
      expect(owned).toEqual({ ...orderOf(42), epoch: before + 1, status: ordered });
      expect((await store.get(id))?.epoch).toBe(before + 1);
      await another().beatController('b');
      expect(await another().claimPurge('b', lease, 5)).toBeNull();
      // Its own again, as after an answer that was lost; and another's once it lets go.
      expect(await store.claimPurge('a', lease, 1)).toMatchObject({ epoch: before + 2 });
      await store.letPurgesGo('a');
      expect(await another().claimPurge('b', lease, 1)).toMatchObject({ epoch: before + 3 });
    });

    test('a silent controller’s is another’s, and so many are carried out at once', async () => {
      const { store } = await server().newStore();
      for (const orgId of [1, 2, 3]) {
        await create(store, orgId);
        await store.beginPurge(orderOf(orgId), ordered);
      }
      for (const instance of ['a', 'b', 'c']) await store.beatController(instance);
      expect(await store.claimPurge('a', lease, 2)).toMatchObject({ orgId: 1 });
      expect(await store.claimPurge('b', lease, 2)).toMatchObject({ orgId: 2 });
      expect(await store.claimPurge('c', lease, 2)).toBeNull();
      // Under a lease that nobody keeps.
      await expect.poll(() => store.claimPurge('c', 1, 2)).toMatchObject({ orgId: 1 });
    });

    test('a record counts for its epoch alone, while it runs, and is what people see', async () => {
      const { store } = await server().newStore();
      const id = await create(store, 42);
      await store.beginPurge(orderOf(42), ordered);
      await store.beatController('a');
      const owned = await store.claimPurge('a', lease, 1);
      const epoch = owned?.epoch ?? 0;
      const sums = await store.changeSums();
      expect(await store.recordPurge(id, epoch, { ...ordered, rowsDeleted: 5 })).toBe('running');
      expect((await store.parts([id])).get(id)?.records.get('purge')).toMatchObject({ rowsDeleted: 5 });
      expect(await store.changeSums()).not.toEqual(sums);
      expect(await store.recordPurge(id, epoch - 1, { ...ordered, rowsDeleted: 9 })).toBe('lost');

      expect(await store.changePurge(id, ['stopped'], { state: 'running' })).toBe(false);
      expect(await store.changePurge(id, ['running'], { state: 'paused', waitsFor: null })).toBe(true);
      expect(await store.recordPurge(id, epoch, { ...ordered, rowsDeleted: 9 })).toBe('paused');
      expect(await store.readPurge(id)).toMatchObject({ state: 'paused', rowsDeleted: 5, waitsFor: null });
      expect(await store.claimPurge('a', lease, 1)).toBeNull();

      await store.changePurge(id, ['paused'], { state: 'running' });
      const again = await store.claimPurge('a', lease, 1);
      expect(await store.recordPurge(id, again?.epoch ?? 0, { ...ordered, state: 'done' })).toBe('done');
      expect(await store.claimPurge('a', lease, 1)).toBeNull();
      expect(await store.countPurges()).toEqual({ done: 1 });
      expect(await store.beginPurge(orderOf(42), ordered)).toBe(false);
    });

    test('one that was cancelled can be begun again', async () => {
      const { store } = await server().newStore();
      const id = await create(store, 42);
      expect(await store.readPurge(id)).toBeNull();
      await store.beginPurge(orderOf(42), ordered);
      await store.changePurge(id, ['running'], { state: 'cancelled' });
      expect(await store.beginPurge(orderOf(42), { ...ordered, why: 'once more' })).toBe(true);
      expect(await store.readPurge(id)).toMatchObject({ state: 'running', why: 'once more' });
    });

    test('how long a migration is in its state is the store’s to say', async () => {
      const { store, sql } = await server().newStore();
      const id = await create(store, 42);
      await sql(
        `UPDATE migrations SET since_ms = TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000 - 3600000`,
      );
      const ageMs = await store.ageInState(id);
      expect(ageMs).toBeGreaterThanOrEqual(3_600_000);
      expect(ageMs).toBeLessThan(3_660_000);
      await expect(store.ageInState('m-nobody')).rejects.toMatchObject({ code: 'MIGRATION_UNKNOWN' });
    });
  });
}
