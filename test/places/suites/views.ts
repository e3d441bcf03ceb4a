import type { Connection } from 'mysql2/promise';
import { beforeAll, describe, expect, it } from 'vitest';
import { ViewLostError } from '../../../src/errors/index.ts';
import { insert, nextEpoch, rejectionOf } from '../help.ts';
import type { World } from '../world.ts';

const COUNT = 'SELECT COUNT(*) AS n FROM BigDB.CallLogs';

/** Read views: that they hold still, lose nothing of a value, and go when they are in the way. */
export function viewSuite(world: () => World): void {
  describe('read views', () => {
    let admin: Connection;

    beforeAll(async () => {
      admin = await world().connect(world().server.user);
      await world().place.setFence(42, 'clients', nextEpoch(), 1_000);
    });

    it('are of one moment and hold still, also where the server’s default is READ COMMITTED', async () => {
      await admin.query('SET GLOBAL TRANSACTION ISOLATION LEVEL READ COMMITTED');
      try {
        const place = world().another();
        const views = await place.openViews(3);
        const before = await Promise.all(views.map((view) => view.query(COUNT)));
        await insert(admin, 42);
        expect(await Promise.all(views.map((view) => view.query(COUNT)))).toEqual(before);
        expect(new Set(before.map((rows) => rows[0]?.n)).size).toBe(1);
        await Promise.all(views.map((view) => view.close()));
        const [fresh] = await place.openViews(1);
        expect(Number((await fresh?.query(COUNT))?.[0]?.n)).toBe(Number(before[0]?.[0]?.n) + 1);
        await fresh?.close();
      } finally {
        await admin.query('SET GLOBAL TRANSACTION ISOLATION LEVEL REPEATABLE READ');
      }
    });

    it('pin what was never read in them', async () => {
      const [view] = await world().place.openViews(1);
      await admin.query(`INSERT INTO BigDB.Blobs VALUES (420, 'later', 'x')`);
      expect(await view?.query(`SELECT * FROM BigDB.Blobs WHERE BlobKey = 'later'`)).toEqual([]);
      await view?.close();
    });

    it('give values as text, bytes or null, exactly', async () => {
      await admin.query(
        `INSERT INTO BigDB.CallLogs (OrgID, Ref, Body, Price, Big, At)
         VALUES (420, 'exact', '𝄞 ö', 12345678901234.567890, 18446744073709551615, '2024-02-29 23:59:59.000001')`,
      );
      await admin.query(`INSERT INTO BigDB.Blobs VALUES (420, 'bytes', X'00FF80C3')`);
      const [view] = await world().place.openViews(1);
      const rows = await view?.query(
        `SELECT OrgID, Body, Price, Big, At, NULL AS Nothing, 0.1e0 AS Approximate, B'101' AS Bits
         FROM BigDB.CallLogs WHERE Ref = ?`,
        ['exact'],
      );
      expect(rows).toEqual([
        {
          OrgID: '420',
          Body: '𝄞 ö',
          Price: '12345678901234.567890',
          Big: '18446744073709551615',
          At: '2024-02-29 23:59:59.000001',
          Nothing: null,
          Approximate: '0.1',
          Bits: Buffer.from([5]),
        },
      ]);
      const blobs = await view?.query(`SELECT Data FROM BigDB.Blobs WHERE BlobKey = 'bytes'`);
      expect(blobs).toEqual([{ Data: Buffer.from([0x00, 0xff, 0x80, 0xc3]) }]);
      await view?.close();
    });

    it('cannot write, and go on after a statement that was refused', async () => {
      const [view] = await world().place.openViews(1);
      await rejectionOf(view?.query('DELETE FROM BigDB.CallLogs') ?? Promise.resolve());
      expect(await view?.query(COUNT)).toHaveLength(1);
      await view?.close();
      await view?.close();
      expect(await rejectionOf(view?.query(COUNT) ?? Promise.resolve())).toBeInstanceOf(ViewLostError);
    });

    it('give their connections back', async () => {
      const place = world().another({ viewConnections: 2, statementTimeoutMs: 500 });
      for (let round = 0; round < 3; round += 1) {
        const views = await place.openViews(2);
        if (round === 0) await rejectionOf(place.openViews(1));
        await Promise.all(views.map((view) => view.close()));
      }
    });

    it('are lost with their connection, and say so', async () => {
      const [view] = await world().place.openViews(1);
      const rows = await view?.query('SELECT CONNECTION_ID() AS id');
      await admin.query(`KILL ${String(rows?.[0]?.id)}`);
      expect(await rejectionOf(view?.query(COUNT) ?? Promise.resolve())).toBeInstanceOf(ViewLostError);
    });

    it('end when the caller gives up while they are opened', async () => {
      const place = world().another({ viewConnections: 1 });
      const [held] = await place.openViews(1);
      const reason = new Error('enough');
      const giveUp = new AbortController();
      const opening = rejectionOf(place.openViews(1, giveUp.signal));
      giveUp.abort(reason);
      expect(await opening).toBe(reason);
      await held?.close();
    });
  });
}
