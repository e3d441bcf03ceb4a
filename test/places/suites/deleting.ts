import type { Connection } from 'mysql2/promise';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { StaleEpochError } from '../../../src/errors/index.ts';
import { countOf, insertMany, nextEpoch, rejectionOf } from '../help.ts';
import type { World } from '../world.ts';

const NEVER = new AbortController().signal;

/** Deleting an org's rows: all of them, nobody else's, and only for the owner. */
export function deletingSuite(world: () => World): void {
  describe('deleting an org’s rows', () => {
    let admin: Connection;
    let epoch: number;

    beforeAll(async () => {
      admin = await world().connect(world().server.user);
    });
    beforeEach(async () => {
      epoch = nextEpoch();
      await world().place.setFence(42, 'nobody', epoch, 1_000);
      await admin.query('DELETE FROM BigDB.CallLogs');
      await admin.query('DELETE FROM BigDB.Blobs');
      for (const orgId of [4, 42, 420]) await insertMany(admin, orgId, 1_000);
      await admin.query(`INSERT INTO BigDB.Blobs VALUES (42, 'b', 'a'), (42, 'a', 'b'), (4, 'a', 'c')`);
    });

    it('removes exactly the org’s rows and counts them', async () => {
      const { place, plan } = world();
      expect(await place.deleteOrgRows(plan.tables, 42, epoch, NEVER)).toBe(1_002);
      expect(await place.deleteOrgRows(plan.tables, 42, epoch, NEVER)).toBe(0);
      expect(await countOf(admin, 42)).toBe(0);
      expect(await countOf(admin, 4)).toBe(1_000);
      expect(await countOf(admin, 420)).toBe(1_000);
      expect(await countOf(admin, 4, 'Blobs')).toBe(1);
      expect(await place.counts(plan.tables, 4)).toEqual([
        expect.objectContaining({ table: 'CallLogs', rows: 1_000, largestLobBytes: 0 }),
        expect.objectContaining({ table: 'Blobs', rows: 1, largestLobBytes: 1 }),
      ]);
    });

    it('a stale owner deletes nothing', async () => {
      const { place, plan } = world();
      const attempt = place.deleteOrgRows(plan.tables, 42, epoch - 1, NEVER);
      expect(await rejectionOf(attempt)).toBeInstanceOf(StaleEpochError);
      expect(await countOf(admin, 42)).toBe(1_000);
    });

    it('stops at the chunk in which another owner took over', async () => {
      const { place, plan } = world();
      for (let round = 0; round < 10; round += 1) await insertMany(admin, 42, 2_000);
      const deleting = rejectionOf(place.deleteOrgRows(plan.tables, 42, epoch, NEVER));
      await world().another().setFence(42, 'nobody', nextEpoch(), 2_000);
      expect(await deleting).toBeInstanceOf(StaleEpochError);
      expect(await countOf(admin, 42)).toBeGreaterThan(0);
    });

    it('ends between chunks when told to', async () => {
      const { place, plan } = world();
      const reason = new Error('stop');
      const stop = new AbortController();
      const deleting = rejectionOf(place.deleteOrgRows(plan.tables, 42, epoch, stop.signal));
      stop.abort(reason);
      expect(await deleting).toBe(reason);
    });
  });
}
