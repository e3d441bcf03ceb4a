import { z } from 'zod';
import { UnknownMigrationError } from '../../errors/service.ts';
import type { Store } from '../../ports/store.ts';
import { type StorePool, transaction, withSession } from './connection.ts';

type OwnershipOperations = Pick<
  Store,
  | 'postCommand'
  | 'pendingCommands'
  | 'dropCommand'
  | 'beatController'
  | 'claim'
  | 'isAlive'
  | 'seize'
  | 'release'
  | 'releaseOne'
>;

const int = z.coerce.number().int();
const commandRow = z
  .object({ id: int, migration_id: z.string(), command: z.string(), actor: z.string(), reason: z.string().nullable() })
  .transform(({ migration_id, ...row }) => ({ ...row, migrationId: migration_id }));
const epochRow = z.object({ epoch: int });
const idRow = z.object({ id: z.string() });
const freeRow = z.object({ id: z.string(), state: z.string(), owner: z.string().nullable() });
const leaselessRow = z.object({ id: z.string(), owner: z.string() });
const anythingRow = z.object({ anything: int });
const nowRow = z.object({ store_ms: int });
/** A list for `IN`, which may not be empty. */
const listed = (ids: readonly string[]) => (ids.length === 0 ? [''] : ids);

/** The journal of an org that is held stands here: whoever takes it over has clients waiting. */
const heldStates = new Set(['flipping.hold', 'rollingBack.hold']);

/**
 * A lease counts for so long behind and ahead of the store's clock: where that jumps back, a dead controller's lease
 * does not outlive the jump, and a living one's is renewed before anybody else looks twice.
 */
export const alive =
  'seen_at BETWEEN UTC_TIMESTAMP(3) - INTERVAL ? MICROSECOND AND UTC_TIMESTAMP(3) + INTERVAL ? MICROSECOND';

const migrationsAndOwners = 'migrations LEFT JOIN controllers ON controllers.instance = migrations.owner';
/** Their owner has no lease at all. */
const leaselessOnes = `${migrationsAndOwners} WHERE active_org_id IS NOT NULL AND owner IS NOT NULL AND instance IS NULL`;

/** Who owns what, by the store's own clock: the controllers' clocks are never compared. */
export function ownershipOperations(pool: StorePool): OwnershipOperations {
  return {
    postCommand: ({ migrationId, command, actor, reason }) =>
      withSession(pool, 'post command', (session) =>
        session.insert('INSERT INTO inbox (migration_id, command, actor, reason) VALUES (?, ?, ?, ?)', [
          migrationId,
          command,
          actor,
          reason,
        ]),
      ),

    async pendingCommands(owner) {
      const rows = await withSession(pool, 'read commands', (session) =>
        session.rows(
          `SELECT inbox.id, inbox.migration_id, command, actor, reason FROM inbox
             JOIN migrations ON migrations.id = inbox.migration_id
            WHERE migrations.owner = ? ORDER BY inbox.id`,
          [owner],
        ),
      );
      return rows.map((row) => commandRow.parse(row));
    },

    async dropCommand(id) {
      await withSession(pool, 'drop command', (session) => session.write('DELETE FROM inbox WHERE id = ?', [id]));
    },

    beatController: (instance) =>
      withSession(pool, 'controller heartbeat', async (session) => {
        const renewed = await session.write('UPDATE controllers SET seen_at = UTC_TIMESTAMP(3) WHERE instance = ?', [
          instance,
        ]);
        if (renewed === 0) {
          await session.write('REPLACE INTO controllers (instance, seen_at) VALUES (?, UTC_TIMESTAMP(3))', [instance]);
        }
        const [now] = await session.rows(
          `SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000 AS store_ms`,
        );
        return { storeMs: nowRow.parse(now).store_ms, known: renewed > 0 };
      }),

    async claim(instance, graceMs, { running, resting, atMost = Number.POSITIVE_INFINITY }) {
      const grace = [graceMs * 1000, graceMs * 1000];
      const lostOnes = { from: 'migrations WHERE id IN (?) AND NOT owner <=> ?', values: [listed(running), instance] };
      const freeOnes = {
        from: `${migrationsAndOwners}
          WHERE active_org_id IS NOT NULL AND (owner IS NULL OR owner = ? OR NOT (${alive}))
            AND NOT (owner <=> ? AND migrations.id IN (?)) AND migrations.id NOT IN (?)`,
        values: [instance, ...grace, instance, listed(running), listed(resting)],
      };
      // Nearly always there is nothing to do: then one question is enough.
      const [look] = await withSession(pool, 'look for migrations', (session) =>
        session.rows(
          `SELECT EXISTS (SELECT 1 FROM ${lostOnes.from}) OR EXISTS (SELECT 1 FROM ${leaselessOnes})
               OR EXISTS (SELECT 1 FROM ${freeOnes.from}) AS anything`,
          [...lostOnes.values, ...freeOnes.values],
        ),
      );
      if (anythingRow.parse(look).anything === 0) return { taken: [], lost: [], leaseless: [] };
      return transaction(pool, 'claim migrations', async (session) => {
        const lost = (await session.rows(`SELECT id FROM ${lostOnes.from}`, lostOnes.values)).map(
          (row) => idRow.parse(row).id,
        );
        const leaseless = (await session.rows(`SELECT migrations.id, owner FROM ${leaselessOnes}`)).map((row) =>
          leaselessRow.parse(row),
        );
        // Somebody took it away. Whether its controller lives shows within the grace time, as with everybody else.
        for (const owner of new Set(leaseless.map(({ owner }) => owner))) {
          await session.write('INSERT IGNORE INTO controllers (instance, seen_at) VALUES (?, UTC_TIMESTAMP(3))', [
            owner,
          ]);
        }
        const free = (
          await session.rows(`SELECT migrations.id, state, owner FROM ${freeOnes.from}`, freeOnes.values)
        ).map((row) => freeRow.parse(row));
        const heldFirst = free.toSorted((one, other) => rank(one) - rank(other) || (one.id < other.id ? -1 : 1));
        const taken: { id: string; from: string | null }[] = [];
        for (const { id, owner } of heldFirst.slice(0, atMost)) {
          const changed = await session.write(
            `UPDATE migrations SET owner = ?, epoch = epoch + 1, revision = revision + 1
              WHERE id = ? AND (owner IS NULL OR owner = ? OR owner NOT IN (SELECT instance FROM controllers WHERE ${alive}))`,
            [instance, id, instance, ...grace],
          );
          if (changed === 1) taken.push({ id, from: owner });
        }
        return { taken, lost, leaseless };
      });
    },

    async isAlive(instance, graceMs) {
      const rows = await withSession(pool, 'look for a controller', (session) =>
        session.rows(`SELECT instance FROM controllers WHERE instance = ? AND ${alive}`, [
          instance,
          graceMs * 1000,
          graceMs * 1000,
        ]),
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

function rank({ state }: { state: string }): number {
  return heldStates.has(state) ? 0 : 1;
}
