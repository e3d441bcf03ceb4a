import { describe, expect, it } from 'vitest';
import { HeartbeatRowMissingError, StaleEpochError } from '../../../src/errors/index.ts';
import { nextEpoch, rejectionOf } from '../help.ts';
import type { World } from '../world.ts';

/** Heartbeats and markers at one place. */
export function heartbeatSuite(world: () => World): void {
  describe('heartbeats and markers', () => {
    it('counts up, for all orgs in one call', async () => {
      const { place } = world();
      const first = await place.beat([4, 42]);
      const second = await place.beat([4, 42, 31_337]);
      expect([...second.keys()].sort((a, b) => a - b)).toEqual([4, 42]);
      for (const orgId of [4, 42]) expect(second.get(orgId)).toBe((first.get(orgId) ?? 0) + 1);
      const seen = await place.readHeartbeats([4, 42, 31_337]);
      expect(seen.get(42)).toEqual([
        expect.objectContaining({
          site: place.name,
          seq: second.get(42),
          writtenAt: expect.stringMatching(/\.\d{6}$/),
        }),
      ]);
      expect(seen.get(31_337)).toEqual([]);
      expect(await place.beat([])).toEqual(new Map());
    });

    it('two controllers never count the same number', async () => {
      const { place } = world();
      const other = world().another();
      const start = (await place.beat([4])).get(4) ?? 0;
      await Promise.all(Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? place : other).beat([4])));
      expect((await place.beat([4])).get(4)).toBe(start + 21);
    });

    it('a marker stays in its row when later beats count it up', async () => {
      const { place } = world();
      const marker = { epoch: nextEpoch(), attempt: 3, nonce: 'a-nonce' };
      await place.writeMarker(42, marker);
      await place.beat([42]);
      expect((await place.readHeartbeats([42])).get(42)?.[0]?.marker).toEqual(marker);
      const next = { ...marker, attempt: 4, nonce: 'another' };
      await place.writeMarker(42, next);
      expect((await place.readHeartbeats([42])).get(42)?.[0]?.marker).toEqual(next);
    });

    it('refuses a marker of a stale owner', async () => {
      const { place } = world();
      const stale = nextEpoch();
      await place.setFence(42, 'clients', nextEpoch(), 1_000);
      const attempt = place.writeMarker(42, { epoch: stale, attempt: 1, nonce: 'stale' });
      expect(await rejectionOf(attempt)).toBeInstanceOf(StaleEpochError);
      expect((await place.readHeartbeats([42])).get(42)?.[0]?.marker?.nonce).not.toBe('stale');
    });

    it('says so when the org has no heartbeat row', async () => {
      const attempt = world().place.writeMarker(31_337, { epoch: nextEpoch(), attempt: 1, nonce: 'n' });
      expect(await rejectionOf(attempt)).toBeInstanceOf(HeartbeatRowMissingError);
    });

    it('forgets what other places wrote, of this org, and keeps its own', async () => {
      const { place } = world();
      const admin = await world().connect(world().server.user);
      const elsewhere = place.kind === 'site' ? 'eu-west-2' : 'lon1';
      for (const orgId of [4, 42]) {
        await admin.query(
          `REPLACE INTO bigdb_cutover.heartbeat (org_id, site, seq, written_at, epoch, attempt, nonce)
           VALUES (?, ?, 9, UTC_TIMESTAMP(6), 1, 1, 'theirs')`,
          [orgId, elsewhere],
        );
      }
      const own = (await place.beat([42])).get(42);
      await place.forgetHeartbeats(42);
      const seen = await place.readHeartbeats([4, 42]);
      expect(seen.get(42)).toEqual([expect.objectContaining({ site: place.name, seq: own })]);
      expect(
        seen
          .get(4)
          ?.map((beat) => beat.site)
          .sort(),
      ).toEqual([elsewhere, place.name].sort());
      // A reverse task only updates: at a site the row itself has to stay.
      const [rows] = await admin.query('SELECT 1 FROM bigdb_cutover.heartbeat WHERE org_id = 42 AND site = ?', [
        elsewhere,
      ]);
      expect(rows).toHaveLength(place.kind === 'site' ? 1 : 0);
    });
  });
}
