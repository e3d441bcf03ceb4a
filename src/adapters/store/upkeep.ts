import { z } from 'zod';
import { driftKinds } from '../../ports/routing.ts';
import type { RoutedOrg, UpkeepStore } from '../../ports/upkeep.ts';
import { type StorePool, transaction, withSession } from './connection.ts';

const int = z.coerce.number().int();
const orgRow = z.object({
  org_id: int,
  slot: int,
  side: z.enum(['source', 'held', 'cluster', 'unknown']),
  home_region: z.string(),
  migration_id: z.string(),
  epoch: int,
  state: z.string(),
});
const attemptRow = z.object({ migration_id: z.string(), attempt: int });
const pairRow = z.object({ pair: int });
const reportRow = z.object({ report: z.string().nullable() });
const reportSchema = z.object({
  atMs: z.number(),
  proxies: z.array(
    z.object({
      name: z.string(),
      drift: z.array(
        z.object({
          kind: z.enum(driftKinds),
          orgId: z.number().nullable(),
          expected: z.string(),
          found: z.string(),
          comment: z.string().nullable(),
        }),
      ),
      drifts: z.number(),
      shared: z.number(),
      sharedDigest: z.string(),
    }),
  ),
  ownRules: z.array(z.object({ reason: z.string(), orgs: z.number(), orgIds: z.array(z.number()) })),
});
const countRow = z.object({ found: int });

/** Journals are not read: what is needed of them stands beside them. */
export function upkeepOperations(pool: StorePool): UpkeepStore {
  return {
    routedOrgs: () =>
      withSession(pool, 'read the orgs at the proxies', async (session) => {
        const rows = await session.rows(
          `SELECT served.org_id, slot, side, served.home_region, migration_id, epoch, state
             FROM served JOIN route_slots ON route_slots.org_id = served.org_id
             JOIN migrations ON migrations.id = served.migration_id`,
        );
        const attempts = new Map(
          (await session.rows('SELECT migration_id, MAX(attempt) AS attempt FROM attempts GROUP BY migration_id'))
            .map((row) => attemptRow.parse(row))
            .map((row) => [row.migration_id, row.attempt]),
        );
        return rows
          .map((row) => orgRow.parse(row))
          .map(
            (row): RoutedOrg => ({
              orgId: row.org_id,
              homeRegion: row.home_region,
              slot: row.slot,
              side: row.side,
              epoch: row.epoch,
              attempt: attempts.get(row.migration_id) ?? 0,
              completed: row.state === 'completed',
            }),
          );
      }),

    sharedPair: (homeRegion, part) =>
      transaction(pool, 'give a pair of shared rules', async (session) => {
        const place = `${homeRegion} ${part}`;
        const known = await session.rows('SELECT pair FROM shared_pairs WHERE place = ?', [place]);
        // Looked for first: an INSERT that is ignored uses a number up.
        if (known.length === 0) await session.write('INSERT IGNORE INTO shared_pairs (place) VALUES (?)', [place]);
        const [row] = await session.rows('SELECT pair FROM shared_pairs WHERE place = ?', [place]);
        return pairRow.parse(row).pair;
      }),

    upkeepTurn: (instance, leaseMs) =>
      withSession(pool, 'look after the proxies', async (session) => {
        const kept = await session.write(
          `UPDATE upkeep SET owner = ?, until = UTC_TIMESTAMP(3) + INTERVAL ? MICROSECOND
            WHERE id = 1 AND (owner IS NULL OR owner = ? OR until <= UTC_TIMESTAMP(3))`,
          [instance, leaseMs * 1_000, instance],
        );
        if (kept !== 1) return 'lost';
        const [held] = await session.rows("SELECT COUNT(*) AS found FROM served WHERE side = 'held'");
        const [joining] = await session.rows(
          'SELECT COUNT(*) AS found FROM fleet_state WHERE id = 1 AND joining_until > UTC_TIMESTAMP(3)',
        );
        if (countRow.parse(held).found > 0) return 'held';
        return countRow.parse(joining).found > 0 ? 'joining' : 'go';
      }),

    async putUpkeepReport(report) {
      await withSession(pool, 'keep what the proxies are like', (session) =>
        session.write('UPDATE upkeep SET report = ? WHERE id = 1', [JSON.stringify(report)]),
      );
    },

    upkeepReport: () =>
      withSession(pool, 'read what the proxies are like', async (session) => {
        const [row] = await session.rows('SELECT report FROM upkeep WHERE id = 1');
        const { report } = reportRow.parse(row);
        return report === null ? null : reportSchema.parse(JSON.parse(report));
      }),

    async endUpkeep(instance) {
      await withSession(pool, 'leave the proxies to others', (session) =>
        session.write('UPDATE upkeep SET owner = NULL, until = NULL WHERE owner = ?', [instance]),
      );
    },
  };
}
