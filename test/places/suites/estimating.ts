import type { Connection } from 'mysql2/promise';
import { beforeAll, describe, expect, it } from 'vitest';
import type { World } from '../world.ts';

/** Estimating an org's rows; real servers only, for it is their optimizer that estimates. */
export function estimatingSuite(world: () => World): void {
  describe('estimating an org’s rows', () => {
    const estimated = { schema: 'BigDB', table: 'Estimated', orgColumn: 'OrgID' };
    let admin: Connection;

    beforeAll(async () => {
      admin = await world().connect(world().server.user);
      // A table of its own: rows that were deleted and not cleaned up yet would count.
      await admin.query(
        'CREATE TABLE BigDB.Estimated (OrgID INT NOT NULL, n INT NOT NULL, PRIMARY KEY (OrgID, n)) ENGINE = InnoDB',
      );
      for (const [orgId, rows] of [
        [4, 1_000],
        [42, 1_000],
        [420, 4_000],
      ] as const) {
        const values = Array.from({ length: rows }, (_, n) => [orgId, n]);
        await admin.query('INSERT INTO BigDB.Estimated VALUES ?', [values]);
      }
      await admin.query('ANALYZE TABLE BigDB.Estimated');
    });

    it('tells them org by org; a table that is not there has none', async () => {
      const absent = { ...estimated, table: 'Absent' };
      const rows = await world().place.estimatedRows([estimated, absent], [4, 42, 420, 999]);
      expect([...rows.keys()]).toEqual([4, 42, 420, 999]);
      const of = (orgId: number) => rows.get(orgId) ?? Number.NaN;
      for (const orgId of [4, 42]) expect(Math.abs(of(orgId) - 1_000)).toBeLessThan(300);
      expect(Math.abs(of(420) - 4_000)).toBeLessThan(1_200);
      expect(of(999)).toBeLessThan(10);
    });

    it('of more orgs than one statement asks for', async () => {
      const many = Array.from({ length: 130 }, (_, index) => index + 300);
      const rows = await world().place.estimatedRows([estimated], many);
      expect(rows.size).toBe(130);
      expect(Math.abs((rows.get(420) ?? 0) - 4_000)).toBeLessThan(1_200);
    });
  });
}
