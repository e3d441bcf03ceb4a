import { z } from 'zod';
import type { Store } from '../../ports/store.ts';
import { type StorePool, withSession } from './connection.ts';

const dataRow = z.object({ data: z.string() });
const given = z.looseObject({ command: z.unknown(), actor: z.unknown() });
const starting: ReadonlySet<unknown> = new Set(['create', 'start']);

/** Who began a migration, from its timeline, however long that has become. */
export function starterOperations(pool: StorePool): Pick<Store, 'starters'> {
  return {
    async starters(id) {
      const rows = await withSession(pool, 'look for who started', (session) =>
        // The text narrows it down to few rows; what it means is read below. A start that changes the state is of
        // another type than one that does not.
        session.rows(
          `SELECT data FROM timeline WHERE migration_id = ? AND type IN ('command', 'state') AND (data LIKE ? OR data LIKE ?)`,
          [id, '%"command":"create"%', '%"command":"start"%'],
        ),
      );
      const entries = rows.map((row) => given.parse(JSON.parse(dataRow.parse(row).data)));
      const actors = entries.filter(({ command }) => starting.has(command)).map(({ actor }) => actor);
      return [...new Set(actors.filter((actor) => typeof actor === 'string'))];
    },
  };
}
