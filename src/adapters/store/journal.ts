import { z } from 'zod';
import { OrgAlreadyMovingError } from '../../errors/service.ts';
import { OwnershipLostError, StoreUnavailableError } from '../../errors/store.ts';
import type { ListQuery, NewTimelineEvent, RecordName, Store } from '../../ports/store.ts';
import type { Announce } from '../../ports/webhooks.ts';
import { type StorePool, type StoreSession, transaction, withSession } from './connection.ts';
import { countChange, migrationColumns, toAttempt, toListed, toMigration, toTimelineEvent, toVersion } from './rows.ts';
import { beginServed, writeServed } from './served.ts';
import { writeDeliveries } from './webhooks.ts';

type JournalOperations = Pick<
  Store,
  | 'create'
  | 'get'
  | 'newestOf'
  | 'list'
  | 'versions'
  | 'changeSums'
  | 'parts'
  | 'commit'
  | 'note'
  | 'events'
  | 'putRecord'
  | 'getRecord'
>;

const duplicateKey = 1062;
const seqRow = z.object({ next_seq: z.coerce.number().int() });
const epochRow = z.object({ epoch: z.coerce.number().int() });
const valueRow = z.object({ value: z.string() });
const count = z.coerce.number().int();
const sumsRow = z.object({ migrations: count, active: count, total: count, ended: count });
const besideRow = z.object({ migration_id: z.string() });
const recordRow = z.object({ migration_id: z.string(), name: z.string(), value: z.string() });

/**
 * Appends to the timeline; `next_seq` of the migration's row is the lock that keeps the numbers without gaps. Answers
 * with the entries as they are numbered.
 */
async function append(
  session: StoreSession,
  id: string,
  events: readonly NewTimelineEvent[],
): Promise<readonly (NewTimelineEvent & { readonly seq: number })[]> {
  if (events.length === 0) return [];
  const [locked] = await session.rows('SELECT next_seq FROM migrations WHERE id = ? FOR UPDATE', [id]);
  const first = seqRow.parse(locked).next_seq;
  const entries = events.map((event, index) => ({ ...event, seq: first + index }));
  const values = entries.map((e) => [id, e.seq, e.atMs, e.type, e.state, e.attempt, e.message, JSON.stringify(e.data)]);
  await session.write('INSERT INTO timeline (migration_id, seq, at_ms, type, state, attempt, message, data) VALUES ?', [
    values,
  ]);
  await session.write('UPDATE migrations SET next_seq = ? WHERE id = ?', [first + entries.length, id]);
  return entries;
}

/** What a query asks for; its values end with the limit. `replicating` means the phase and every step in it. */
function conditionsOf({ state, homeRegion, orgId, id, ids, limit, after }: ListQuery): {
  where: string;
  values: unknown[];
} {
  const conditions = ['1 = 1'];
  const values: unknown[] = [];
  const and = (condition: string, ...bound: unknown[]) => {
    conditions.push(condition);
    values.push(...bound);
  };
  if (state !== undefined) and(`(state = ? OR SUBSTRING_INDEX(state, '.', 1) = ?)`, state, state);
  if (homeRegion !== undefined) and('home_region = ?', homeRegion);
  if (orgId !== undefined) and('org_id = ?', orgId);
  if (id !== undefined) and('id = ?', id);
  if (ids !== undefined) and('id IN (?)', ids.length === 0 ? [''] : ids);
  if (after !== undefined) and('id > ?', after);
  return { where: conditions.join(' AND '), values: [...values, limit] };
}

export function journalOperations(pool: StorePool, announce: Announce | null): JournalOperations {
  return {
    async create(input) {
      try {
        await transaction(pool, 'create migration', async (session) => {
          await session.write(
            `INSERT INTO migrations
               (id, org_id, active_org_id, home_region, state, since_ms, created_at_ms, journal, revision, epoch, owner, next_seq)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1, 0, NULL, 1)`,
            [
              input.id,
              input.orgId,
              input.orgId,
              input.homeRegion,
              input.state,
              input.atMs,
              input.atMs,
              JSON.stringify(input.journal),
            ],
          );
          // Only now are the org's earlier migrations known to have ended. A plain read: it locks nobody's next row.
          const [earlier] = await session.rows(
            'SELECT COALESCE(MAX(epoch), 0) AS epoch FROM migrations WHERE org_id = ?',
            [input.orgId],
          );
          await session.write('UPDATE migrations SET epoch = ? WHERE id = ?', [
            epochRow.parse(earlier).epoch,
            input.id,
          ]);
          const { orgId, homeRegion, id: migrationId, atMs: sinceMs } = input;
          await beginServed(session, { orgId, homeRegion, migrationId, sinceMs });
          const entries = await append(session, input.id, input.timeline);
          if (announce !== null) {
            await writeDeliveries(session, announce({ context: input.journal.context, entries }));
          }
        });
      } catch (error) {
        if (!(error instanceof StoreUnavailableError) || error.details.errno !== duplicateKey) throw error;
        const [row] = await withSession(pool, 'read migration', (session) =>
          session.rows(`SELECT ${migrationColumns} FROM migrations WHERE active_org_id = ?`, [input.orgId]),
        );
        if (row === undefined) throw error;
        const other = toListed(row);
        throw new OrgAlreadyMovingError(input.orgId, other.id, other.state);
      }
    },

    async get(id) {
      const [row] = await withSession(pool, 'read migration', (session) =>
        session.rows(`SELECT ${migrationColumns} FROM migrations WHERE id = ?`, [id]),
      );
      return row === undefined ? null : toMigration(row);
    },

    async newestOf(orgId) {
      const [row] = await withSession(pool, 'read migration', (session) =>
        session.rows(
          `SELECT ${migrationColumns} FROM migrations WHERE org_id = ? ORDER BY active_org_id IS NULL, created_at_ms DESC, id DESC LIMIT 1`,
          [orgId],
        ),
      );
      return row === undefined ? null : toMigration(row);
    },

    async list(query) {
      const { where, values } = conditionsOf(query);
      const rows = await withSession(pool, 'list migrations', (session) =>
        session.rows(`SELECT ${migrationColumns} FROM migrations WHERE ${where} ORDER BY id LIMIT ?`, values),
      );
      return rows.map(toListed);
    },

    async versions(query) {
      const { where, values } = conditionsOf(query);
      const rows = await withSession(pool, 'look for changes', (session) =>
        session.rows(
          `SELECT id, org_id, revision, changes, active_org_id FROM migrations WHERE ${where} ORDER BY id LIMIT ?`,
          values,
        ),
      );
      return rows.map(toVersion);
    },

    async changeSums() {
      const [row] = await withSession(pool, 'look for changes', (session) =>
        session.rows(
          `SELECT COUNT(*) AS migrations, COUNT(active_org_id) AS active, COALESCE(SUM(revision + changes), 0) AS total,
                  COALESCE(SUM(IF(active_org_id IS NULL, revision + changes, 0)), 0) AS ended
             FROM migrations`,
        ),
      );
      const { migrations, active, total, ended } = sumsRow.parse(row);
      // With the same ones under way their sum only grows; so does that of the ended ones, which nobody leaves.
      return { underWay: `${migrations} ${active} ${total - ended}`, ended: `${migrations - active} ${ended}` };
    },

    async parts(ids) {
      if (ids.length === 0) return new Map();
      const found = await withSession(pool, 'read what stands beside migrations', async (session) => ({
        attempts: await session.rows(
          'SELECT * FROM attempts WHERE migration_id IN (?) ORDER BY migration_id, attempt',
          [ids],
        ),
        records: await session.rows('SELECT migration_id, name, value FROM records WHERE migration_id IN (?)', [ids]),
      }));
      const attempts = Map.groupBy(found.attempts, (row) => besideRow.parse(row).migration_id);
      const records = Map.groupBy(z.array(recordRow).parse(found.records), ({ migration_id }) => migration_id);
      return new Map(
        ids.map((id) => [
          id,
          {
            attempts: (attempts.get(id) ?? []).map(toAttempt),
            records: new Map(
              (records.get(id) ?? []).map(({ name, value }) => [name as RecordName, JSON.parse(value) as unknown]),
            ),
          },
        ]),
      );
    },

    commit: (step) =>
      transaction(pool, 'commit step', async (session) => {
        const changed = await session.write(
          `UPDATE migrations
              SET state = ?, since_ms = ?, journal = ?, revision = revision + 1, active_org_id = IF(?, NULL, org_id)
            WHERE id = ? AND epoch = ? AND revision = ?`,
          [
            step.state,
            step.sinceMs,
            JSON.stringify(step.journal),
            step.ended ? 1 : 0,
            step.id,
            step.epoch,
            step.revision,
          ],
        );
        if (changed !== 1) throw new OwnershipLostError(step.id, step.epoch);
        const { orgId, homeRegion, serving } = step.journal.context;
        const { id: migrationId, sinceMs } = step;
        await writeServed(session, { orgId, homeRegion, migrationId, side: serving, sinceMs });
        const entries = await append(session, step.id, step.timeline);
        if (announce !== null) await writeDeliveries(session, announce({ context: step.journal.context, entries }));
        if (step.commands.length > 0) await session.write('DELETE FROM inbox WHERE id IN (?)', [step.commands]);
        if (step.ended) await session.write('DELETE FROM inbox WHERE migration_id = ?', [step.id]);
      }),

    note: (id, events) => transaction(pool, 'note', async (session) => void (await append(session, id, events))),

    async events(id, after, limit) {
      const rows = await withSession(pool, 'read timeline', (session) =>
        session.rows(
          `SELECT seq, at_ms, type, state, attempt, message, data FROM timeline
            WHERE migration_id = ? AND seq > ? ORDER BY seq LIMIT ?`,
          [id, after, limit],
        ),
      );
      return rows.map(toTimelineEvent);
    },

    putRecord: (id, name, value) =>
      transaction(pool, 'write record', async (session) => {
        await session.write('REPLACE INTO records (migration_id, name, value) VALUES (?, ?, ?)', [
          id,
          name,
          JSON.stringify(value),
        ]);
        await countChange(session, id);
      }),

    async getRecord(id, name) {
      const [row] = await withSession(pool, 'read record', (session) =>
        session.rows('SELECT value FROM records WHERE migration_id = ? AND name = ?', [id, name]),
      );
      return row === undefined ? null : JSON.parse(valueRow.parse(row).value);
    },
  };
}
