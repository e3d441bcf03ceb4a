import type { Connection, RowDataPacket } from 'mysql2/promise';
import { beforeAll, describe, expect, it } from 'vitest';
import { pollUntil } from '../../../infra/lab/databases/index.ts';
import { nextEpoch, rejectionOf } from '../help.ts';
import type { World } from '../world.ts';

/** That connections are found, replaced and given back. */
export function connectionSuite(world: () => World): void {
  describe('connections', () => {
    let looker: Connection;
    beforeAll(async () => {
      looker = await world().connect(world().server.user);
    });

    const idsOf = async (users: readonly string[]) => {
      const [rows] = await looker.query<RowDataPacket[]>(
        'SELECT ID AS id FROM information_schema.PROCESSLIST WHERE USER IN (?) AND ID <> CONNECTION_ID()',
        [users],
      );
      return new Set(rows.map((row) => Number(row.id)));
    };

    it('are all gone after close, and nothing can be asked any more', async () => {
      const before = await idsOf(['lab', 'purge']);
      const place = world().another();
      await place.warmUp();
      await place.deleteOrgRows(world().plan.tables, 4_711, 0, new AbortController().signal).catch(() => 0);
      const [view] = await place.openViews(1);
      expect((await idsOf(['lab', 'purge'])).size).toBeGreaterThan(before.size + 8);
      await place.close();
      await pollUntil('its connections to be gone', async () => {
        const now = await idsOf(['lab', 'purge']);
        return [...now].every((id) => before.has(id));
      });
      await rejectionOf(view?.query('SELECT 1') ?? Promise.resolve());
      await rejectionOf(place.ping());
    });

    it('that the server ended are replaced without an error', async () => {
      const place = world().another();
      const before = await idsOf(['lab']);
      await place.warmUp();
      const idle = [...(await idsOf(['lab']))].filter((id) => !before.has(id));
      expect(idle.length).toBeGreaterThan(5);
      for (const id of idle) await looker.query(`KILL ${id}`);
      await pollUntil('an answer', () =>
        place.ping().then(
          () => true,
          () => false,
        ),
      );
      await place.setFence(4, 'clients', nextEpoch(), 1_000);
    });

    it('that cannot be made are an error of the place, in time', async () => {
      const nowhere = world().unreachable();
      expect(await rejectionOf(nowhere.ping())).toMatchObject({ code: 'PLACE_UNAVAILABLE', transient: true });
      expect(await rejectionOf(nowhere.warmUp())).toMatchObject({ code: 'PLACE_UNAVAILABLE' });
    });
  });
}
