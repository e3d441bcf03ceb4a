import { z } from 'zod';
import { HoldHostgroupsSpentError, OwnershipLostError } from '../../errors/store.ts';
import type { Store } from '../../ports/store.ts';
import { type StorePool, type StoreSession, transaction, withSession } from './connection.ts';
import { countingChange, toAttempt, toAttemptRow } from './rows.ts';

type AttemptOperations = Pick<
  Store,
  'beginAttempt' | 'decide' | 'getAttempt' | 'reportAttempt' | 'attempts' | 'retireAttempt' | 'unretired' | 'routeSlot'
>;

const lastRow = z.object({ last_hostgroup: z.coerce.number().int() });
const usedRow = z.object({ hold_in_use: z.coerce.number().int() });
const slotRow = z.object({ slot: z.coerce.number().int() });

/** The next number of the range behind the last one given that no attempt has in use; round robin, so that a number rests long. */
async function nextHold(session: StoreSession, last: number, range: { from: number; to: number }): Promise<number> {
  const used = new Set(
    (await session.rows('SELECT hold_in_use FROM attempts WHERE hold_in_use IS NOT NULL')).map(
      (used) => usedRow.parse(used).hold_in_use,
    ),
  );
  const size = range.to - range.from + 1;
  const start = last >= range.from && last <= range.to ? last - range.from + 1 : 0;
  for (let step = 0; step < size; step++) {
    const candidate = range.from + ((start + step) % size);
    if (used.has(candidate)) continue;
    await session.write('UPDATE hold_sequence SET last_hostgroup = ? WHERE id = 1', [candidate]);
    return candidate;
  }
  throw new HoldHostgroupsSpentError(range.from, range.to);
}

const revisionRow = z.object({ revision: z.coerce.number().int() });

/** Whether the fleet is still the one of this revision. The lock keeps it so until the decision stands. */
async function fleetStands(session: StoreSession, revision: number | undefined): Promise<boolean> {
  if (revision === undefined) return true;
  const [state] = await session.rows('SELECT revision FROM fleet_state WHERE id = 1 LOCK IN SHARE MODE');
  return revisionRow.parse(state).revision === revision;
}

const selectAttempt = 'SELECT * FROM attempts WHERE migration_id = ? AND attempt = ?';

export function attemptOperations(pool: StorePool): AttemptOperations {
  return {
    beginAttempt: (input) =>
      transaction(pool, 'begin attempt', async (session) => {
        // First, so that those who begin at once wait here, and not for one another's gaps.
        const [sequence] = await session.rows('SELECT last_hostgroup FROM hold_sequence WHERE id = 1 FOR UPDATE');
        const last = lastRow.parse(sequence).last_hostgroup;
        // An effect that was dropped may still be on its way here: behind the migration's end nobody would give its
        // number back, and what comes before the end is given back with it.
        const [owned] = await session.rows(
          'SELECT id FROM migrations WHERE id = ? AND epoch = ? AND active_org_id IS NOT NULL FOR UPDATE',
          [input.migrationId, input.epoch],
        );
        if (owned === undefined) throw new OwnershipLostError(input.migrationId, input.epoch);
        const [existing] = await session.rows(`${selectAttempt} FOR UPDATE`, [input.migrationId, input.attempt]);
        if (existing !== undefined) {
          const row = toAttemptRow(existing);
          // Nothing was held under an attempt that only prepared: its new owner may go on with it.
          if (row.epoch < input.epoch && row.decision === null) {
            const values = [input.epoch, input.migrationId, input.attempt];
            await session.writeLast([
              { sql: 'UPDATE attempts SET epoch = ? WHERE migration_id = ? AND attempt = ?', values },
              countingChange(input.migrationId),
            ]);
            return { ...row, epoch: input.epoch };
          }
          if (row.epoch !== input.epoch) throw new OwnershipLostError(input.migrationId, input.epoch);
          return row;
        }
        const holdHostgroup = await nextHold(session, last, input.hostgroups);
        const { migrationId, attempt, epoch, direction, atMs } = input;
        await session.writeLast([
          {
            sql: `INSERT INTO attempts (migration_id, attempt, epoch, direction, hold_hostgroup, hold_in_use, started_at_ms, phases)
                  VALUES (?, ?, ?, ?, ?, ?, ?, '[]')`,
            values: [migrationId, attempt, epoch, direction, holdHostgroup, holdHostgroup, atMs],
          },
          countingChange(migrationId),
        ]);
        return {
          migrationId: input.migrationId,
          attempt: input.attempt,
          epoch: input.epoch,
          direction: input.direction,
          holdHostgroup,
          decision: null,
          pinned: null,
        };
      }),

    decide: (input) =>
      transaction(pool, 'decide', async (session) => {
        // The owner's epoch stands in the migration's row: a stale owner finds another one and decides nothing.
        // The same statement locks that row and tells its readers: the pause has none to spare.
        const own = await session.write('UPDATE migrations SET changes = changes + 1 WHERE id = ? AND epoch = ?', [
          input.migrationId,
          input.epoch,
        ]);
        if (own !== 1) throw new OwnershipLostError(input.migrationId, input.epoch);
        const wanted = (await fleetStands(session, input.fleetRevision)) ? input.decision : 'abort';
        await session.write(
          `UPDATE attempts SET decision = ?, pinned = COALESCE(?, pinned)
            WHERE migration_id = ? AND attempt = ? AND decision IS NULL AND (? = 'abort' OR epoch = ?)`,
          [
            wanted,
            input.pinned === null || wanted === 'abort' ? null : JSON.stringify(input.pinned),
            input.migrationId,
            input.attempt,
            wanted,
            input.epoch,
          ],
        );
        const [row] = await session.rows(selectAttempt, [input.migrationId, input.attempt]);
        return toAttemptRow(row).decision ?? 'abort';
      }),

    async getAttempt(migrationId, attempt) {
      const [row] = await withSession(pool, 'read attempt', (session) =>
        session.rows(selectAttempt, [migrationId, attempt]),
      );
      return row === undefined ? null : toAttemptRow(row);
    },

    reportAttempt: (migrationId, attempt, report) =>
      transaction(pool, 'report attempt', async (session) => {
        await session.writeLast([
          {
            sql: `UPDATE attempts SET phases = ?, write_pause_ms = ?, read_pause_ms = ?, ended_at_ms = ?, reason = ?
                   WHERE migration_id = ? AND attempt = ?`,
            values: [
              JSON.stringify(report.phases),
              report.writePauseMs,
              report.readPauseMs,
              report.endedAtMs,
              report.reason === null ? null : JSON.stringify(report.reason),
              migrationId,
              attempt,
            ],
          },
          countingChange(migrationId),
        ]);
      }),

    async attempts(migrationId) {
      const rows = await withSession(pool, 'read attempts', (session) =>
        session.rows('SELECT * FROM attempts WHERE migration_id = ? ORDER BY attempt', [migrationId]),
      );
      return rows.map(toAttempt);
    },

    async retireAttempt(migrationId, attempt) {
      await withSession(pool, 'retire attempt', (session) =>
        session.write('UPDATE attempts SET hold_in_use = NULL WHERE migration_id = ? AND attempt = ?', [
          migrationId,
          attempt,
        ]),
      );
    },

    async unretired(migrationId) {
      const rows = await withSession(pool, 'read attempts', (session) =>
        session.rows('SELECT * FROM attempts WHERE migration_id = ? AND hold_in_use IS NOT NULL', [migrationId]),
      );
      return rows.map(toAttemptRow);
    },

    routeSlot: (orgId) =>
      transaction(pool, 'give route slot', async (session) => {
        await session.write('INSERT IGNORE INTO route_slots (org_id) VALUES (?)', [orgId]);
        const [row] = await session.rows('SELECT slot FROM route_slots WHERE org_id = ?', [orgId]);
        return slotRow.parse(row).slot;
      }),
  };
}
