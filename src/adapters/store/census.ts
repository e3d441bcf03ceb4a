import { z } from 'zod';
import type { Store } from '../../ports/store.ts';
import { type StorePool, withSession } from './connection.ts';
import { alive } from './ownership.ts';

const int = z.coerce.number().int();
const activeRow = z.object({ state: z.string(), home_region: z.string(), moves: int, unowned: int });
const endedRow = z.object({ state: z.string(), moves: int });
const aliveRow = z.object({ controllers: int });

/** Figures of all moves, whoever owns them. Of those that ended an index alone is read, for they stay for ever. */
export function censusOperations(pool: StorePool): Pick<Store, 'census'> {
  return {
    census: (graceMs) =>
      withSession(pool, 'count migrations', async (session) => {
        const grace = [graceMs * 1000, graceMs * 1000];
        const active = await session.rows(
          `SELECT state, home_region, COUNT(*) AS moves, SUM(owner IS NULL OR instance IS NULL OR NOT (${alive})) AS unowned
             FROM migrations LEFT JOIN controllers ON controllers.instance = migrations.owner
            WHERE active_org_id IS NOT NULL GROUP BY state, home_region`,
          grace,
        );
        const ended = await session.rows(
          `SELECT state, COUNT(*) AS moves FROM migrations
            WHERE state IN ('completed', 'rolledBack', 'cancelled') GROUP BY state`,
        );
        const [living] = await session.rows(`SELECT COUNT(*) AS controllers FROM controllers WHERE ${alive}`, grace);
        return {
          active: active
            .map((row) => activeRow.parse(row))
            .map(({ state, home_region, moves, unowned }) => ({ state, homeRegion: home_region, moves, unowned })),
          ended: ended.map((row) => endedRow.parse(row)),
          controllers: aliveRow.parse(living).controllers,
        };
      }),
  };
}
