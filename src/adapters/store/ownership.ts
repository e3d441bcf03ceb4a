import { z } from 'zod';
import { UnknownMigrationError } from '../../errors/service.ts';
import type { Store } from '../../ports/store.ts';
import { type StorePool, transaction, withSession } from './connection.ts';

type OwnershipOperations = Pick<
  Store,
  'postCommand' | 'takeCommands' | 'beatController' | 'claim' | 'isAlive' | 'seize' | 'release' | 'releaseOne'
>;

const commandRow = z.object({
  id: z.coerce.number().int(),
  migration_id: z.string(),
  command: z.string(),
  actor: z.string(),
  reason: z.string().nullable(),
});
const epochRow = z.object({ epoch: z.coerce.number().int() });
const idRow = z.object({ id: z.string() });
const idsOf = (rows: readonly unknown[]) => rows.map((row) => idRow.parse(row).id);
/** A list for `IN`, which may not be empty. */
const listed = (ids: readonly string[]) => (ids.length === 0 ? [''] : ids);

/** Who owns what, by the store's own clock: the controllers' clocks are never compared. */
export function ownershipOperations(pool: StorePool): OwnershipOperations {
  return {
    async postCommand({ migrationId, command, actor, reason }) {
      await withSession(pool, 'post command', (session) =>
        session.write('INSERT INTO inbox (migration_id, command, actor, reason) VALUES (?, ?, ?, ?)', [
          migrationId,
          command,
          actor,
          reason,
        ]),
      );
    },

    takeCommands: (owner) =>
      transaction(pool, 'take commands', async (session) => {
        const rows = await session.rows(
          `SELECT inbox.id, inbox.migration_id, command, actor, reason FROM inbox
             JOIN migrations ON migrations.id = inbox.migration_id
            WHERE migrations.owner = ? ORDER BY inbox.id FOR UPDATE`,
          [owner],
        );
        const commands = rows.map((row) => commandRow.parse(row));
        if (commands.length > 0)
          await session.write('DELETE FROM inbox WHERE id IN (?)', [commands.map(({ id }) => id)]);
        return commands.map(({ migration_id, command, actor, reason }) => ({
          migrationId: migration_id,
          command,
          actor,
          reason,
        }));
      }),

    async beatController(instance) {
      await withSession(pool, 'controller heartbeat', (session) =>
        session.write('REPLACE INTO controllers (instance, seen_at) VALUES (?, NOW(3))', [instance]),
      );
    },

    claim: (instance, graceMs, { running, resting }) =>
      transaction(pool, 'claim migrations', async (session) => {
        const lost = idsOf(
          await session.rows('SELECT id FROM migrations WHERE id IN (?) AND NOT owner <=> ?', [
            listed(running),
            instance,
          ]),
        );
        const free = idsOf(
          await session.rows(
            `SELECT migrations.id FROM migrations LEFT JOIN controllers ON controllers.instance = migrations.owner
              WHERE active_org_id IS NOT NULL
                AND (owner IS NULL OR owner = ? OR instance IS NULL OR seen_at < NOW(3) - INTERVAL ? MICROSECOND)
                AND NOT (owner <=> ? AND migrations.id IN (?)) AND migrations.id NOT IN (?)`,
            [instance, graceMs * 1000, instance, listed(running), listed(resting)],
          ),
        );
        const taken: string[] = [];
        for (const id of free) {
          const changed = await session.write(
            `UPDATE migrations SET owner = ?, epoch = epoch + 1, revision = revision + 1
              WHERE id = ? AND (owner IS NULL OR owner = ? OR owner NOT IN
                (SELECT instance FROM controllers WHERE seen_at >= NOW(3) - INTERVAL ? MICROSECOND))`,
            [instance, id, instance, graceMs * 1000],
          );
          if (changed === 1) taken.push(id);
        }
        return { taken, lost };
      }),

    async isAlive(instance, graceMs) {
      const rows = await withSession(pool, 'look for a controller', (session) =>
        session.rows(
          'SELECT instance FROM controllers WHERE instance = ? AND seen_at >= NOW(3) - INTERVAL ? MICROSECOND',
          [instance, graceMs * 1000],
        ),
      );
      return rows.length > 0;
    },

    seize: (instance, id) =>
      transaction(pool, 'seize migration', async (session) => {
        await session.write(
          `UPDATE migrations SET owner = IF(active_org_id IS NULL, NULL, ?), epoch = epoch + 1, revision = revision + 1
            WHERE id = ?`,
          [instance, id],
        );
        const [row] = await session.rows('SELECT epoch FROM migrations WHERE id = ?', [id]);
        if (row === undefined) throw new UnknownMigrationError(id);
        return epochRow.parse(row).epoch;
      }),

    release: (instance) =>
      transaction(pool, 'release migrations', async (session) => {
        await session.write('UPDATE migrations SET owner = NULL, revision = revision + 1 WHERE owner = ?', [instance]);
        await session.write('DELETE FROM controllers WHERE instance = ?', [instance]);
      }),

    async releaseOne(instance, id) {
      await withSession(pool, 'release migration', (session) =>
        session.write('UPDATE migrations SET owner = NULL, revision = revision + 1 WHERE owner = ? AND id = ?', [
          instance,
          id,
        ]),
      );
    },
  };
}
