import { z } from 'zod';
import { UnknownMigrationError } from '../../errors/service.ts';
import type { PurgeStore } from '../../ports/purge.ts';
import { type PurgeStatus, purgeStates, purgeStatusSchema } from '../../service/status.ts';
import { type StorePool, type StoreSession, transaction, withSession } from './connection.ts';
import { alive } from './ownership.ts';
import { countingChange } from './rows.ts';

const int = z.coerce.number().int();
const state = z.enum(purgeStates);
const ageRow = z.object({ age_ms: int });
const valueRow = z.object({ value: z.string() });
const stateRow = z.object({ state, epoch: int });
const epochRow = z.object({ epoch: int });
const countRow = z.object({ state, purges: int });
const ownerRow = z.object({ instance: z.string() });
const runningRow = z
  .object({ migration_id: z.string(), org_id: int, home_region: z.string(), owner: z.string().nullable() })
  .transform(({ migration_id, org_id, home_region, owner }) => ({
    order: { migrationId: migration_id, orgId: org_id, homeRegion: home_region },
    owner,
  }));

/** What people see is a record beside the migration, written with every change; the row is what controllers agree by. */
async function writeStatus(session: StoreSession, id: string, status: PurgeStatus): Promise<void> {
  await session.write(`REPLACE INTO records (migration_id, name, value) VALUES (?, 'purge', ?)`, [
    id,
    JSON.stringify(status),
  ]);
  const { sql, values } = countingChange(id);
  await session.write(sql, values);
}

async function readStatus(session: StoreSession, id: string): Promise<PurgeStatus | null> {
  const [row] = await session.rows(`SELECT value FROM records WHERE migration_id = ? AND name = 'purge'`, [id]);
  return row === undefined ? null : purgeStatusSchema.parse(JSON.parse(valueRow.parse(row).value));
}

/** The purge's row, locked. */
async function lockState(session: StoreSession, id: string): Promise<z.infer<typeof stateRow> | null> {
  const [row] = await session.rows('SELECT state, epoch FROM purges WHERE migration_id = ? FOR UPDATE', [id]);
  return row === undefined ? null : stateRow.parse(row);
}

/** By the store's own clock, as with migrations. */
export function purgeOperations(pool: StorePool): PurgeStore {
  return {
    async ageInState(migrationId) {
      const [row] = await withSession(pool, 'ask how long it has been so', (session) =>
        session.rows(
          `SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000 - since_ms AS age_ms
             FROM migrations WHERE id = ?`,
          [migrationId],
        ),
      );
      if (row === undefined) throw new UnknownMigrationError(migrationId);
      return ageRow.parse(row).age_ms;
    },

    beginPurge: ({ migrationId, orgId, homeRegion }, status) =>
      transaction(pool, 'begin a purge', async (session) => {
        await session.write(
          `INSERT IGNORE INTO purges (migration_id, org_id, home_region, state, epoch) VALUES (?, ?, ?, 'cancelled', 0)`,
          [migrationId, orgId, homeRegion],
        );
        if ((await lockState(session, migrationId))?.state !== 'cancelled') return false;
        await session.write('UPDATE purges SET state = ?, owner = NULL WHERE migration_id = ?', [
          status.state,
          migrationId,
        ]);
        await writeStatus(session, migrationId, status);
        return true;
      }),

    readPurge: (migrationId) => withSession(pool, 'read a purge', (session) => readStatus(session, migrationId)),

    changePurge: (migrationId, from, change) =>
      transaction(pool, 'change a purge', async (session) => {
        const row = await lockState(session, migrationId);
        const status = await readStatus(session, migrationId);
        if (row === null || status === null || !from.includes(row.state)) return false;
        const changed = { ...status, ...change };
        await session.write('UPDATE purges SET state = ?, owner = NULL WHERE migration_id = ?', [
          changed.state,
          migrationId,
        ]);
        await writeStatus(session, migrationId, changed);
        return true;
      }),

    async claimPurge(instance, graceMs, atOnce) {
      // Nearly always there is nothing to do: then one question is enough.
      const running = `SELECT migration_id, org_id, home_region, owner FROM purges WHERE state = 'running' ORDER BY seq`;
      const found = await withSession(pool, 'look for purges', (session) => session.rows(running));
      if (found.length === 0) return null;
      return transaction(pool, 'claim a purge', async (session) => {
        const rows = (await session.rows(`${running} FOR UPDATE`)).map((row) => runningRow.parse(row));
        const living = new Set(
          (await session.rows(`SELECT instance FROM controllers WHERE ${alive}`, [graceMs * 1000, graceMs * 1000])).map(
            (row) => ownerRow.parse(row).instance,
          ),
        );
        const isOwned = (owner: string | null) => owner !== null && owner !== instance && living.has(owner);
        const free = rows.find(({ owner }) => !isOwned(owner));
        if (free === undefined || rows.filter(({ owner }) => isOwned(owner)).length >= atOnce) return null;
        const { order } = free;
        const status = await readStatus(session, order.migrationId);
        if (status === null) return null;
        await session.write('UPDATE migrations SET epoch = epoch + 1, revision = revision + 1 WHERE id = ?', [
          order.migrationId,
        ]);
        const [row] = await session.rows('SELECT epoch FROM migrations WHERE id = ?', [order.migrationId]);
        const { epoch } = epochRow.parse(row);
        await session.write('UPDATE purges SET owner = ?, epoch = ? WHERE migration_id = ?', [
          instance,
          epoch,
          order.migrationId,
        ]);
        return { ...order, epoch, status };
      });
    },

    recordPurge: (migrationId, epoch, status) =>
      transaction(pool, 'record a purge', async (session) => {
        const row = await lockState(session, migrationId);
        if (row === null || row.epoch !== epoch) return 'lost';
        if (row.state !== 'running') return row.state;
        if (status.state !== 'running') {
          await session.write('UPDATE purges SET state = ?, owner = NULL WHERE migration_id = ?', [
            status.state,
            migrationId,
          ]);
        }
        await writeStatus(session, migrationId, status);
        return status.state;
      }),

    async letPurgesGo(instance) {
      await withSession(pool, 'let purges go', (session) =>
        session.write('UPDATE purges SET owner = NULL WHERE owner = ?', [instance]),
      );
    },

    async countPurges() {
      const rows = await withSession(pool, 'count purges', (session) =>
        session.rows('SELECT state, COUNT(*) AS purges FROM purges GROUP BY state'),
      );
      return Object.fromEntries(rows.map((row) => countRow.parse(row)).map(({ state, purges }) => [state, purges]));
    },
  };
}
