import { z } from 'zod';
import { CommandNotAllowedError, OrgAlreadyMovingError, UnknownMigrationError } from '../../errors/service.ts';
import { OwnershipLostError, StoreUnavailableError } from '../../errors/store.ts';
import type { ListQuery, NewTimelineEvent, RecordName, Store } from '../../ports/store.ts';
import type { Announce } from '../../ports/webhooks.ts';
import { type Statement, type StorePool, type StoreSession, transaction, withSession } from './connection.ts';
import {
  countingChange,
  migrationColumns,
  toAttempt,
  toListed,
  toMigration,
  toTimelineEvent,
  toVersion,
} from './rows.ts';
import { auditServed, beginServed, changeServed, countServed } from './served.ts';
import { deliveries } from './webhooks.ts';

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
const epochRow = z.object({ epoch: z.coerce.number().int() });
const valueRow = z.object({ value: z.string() });
const count = z.coerce.number().int();
const sumsRow = z.object({ migrations: count, active: count, total: count, ended: count });
const besideRow = z.object({ migration_id: z.string() });
const recordRow = z.object({ migration_id: z.string(), name: z.string(), value: z.string() });

/**
 * Gives so many numbers of the timeline away, and says the first of them. The migration's row is the lock that keeps
 * them without gaps.
 */
const takeNumbers = 'next_seq = LAST_INSERT_ID(next_seq) + ?';

type Entry = NewTimelineEvent & { readonly seq: number };

function numbered(events: readonly NewTimelineEvent[], first: number): readonly Entry[] {
  return events.map((event, index) => ({ ...event, seq: first + index }));
}

/** The statement that appends to the timeline; none for nothing. */
function appending(id: string, entries: readonly Entry[]): Statement[] {
  if (entries.length === 0) return [];
  const values = entries.map((e) => [id, e.seq, e.atMs, e.type, e.state, e.attempt, e.message, JSON.stringify(e.data)]);
  const sql = 'INSERT INTO timeline (migration_id, seq, at_ms, type, state, attempt, message, data) VALUES ?';
  return [{ sql, values: [values] }];
}

/** What goes with a migration: its inbox, and hold hostgroups of attempts that never held. */
function ending(id: string): Statement[] {
  return [
    { sql: 'DELETE FROM inbox WHERE migration_id = ?', values: [id] },
    { sql: 'UPDATE attempts SET hold_in_use = NULL WHERE migration_id = ? AND decision IS NULL', values: [id] },
  ];
}

/** Locks the org's place in its wave, so that whoever gives the wave up comes before or behind this. */
async function assertStillInWave(session: StoreSession, waveId: string, orgId: number): Promise<void> {
  const [place] = await session.rows(
    'SELECT org_id FROM wave_orgs WHERE wave_id = ? AND org_id = ? AND open_org_id IS NOT NULL AND asked_to_start = 1 FOR UPDATE',
    [waveId, orgId],
  );
  if (place === undefined) throw new CommandNotAllowedError('create', `wave ${waveId}, which was given up`, []);
}

/** What a query asks for; its values end with the limit. `replicating` means the phase and every step in it. */
function conditionsOf({ state, homeRegion, orgId, id, ids, wave, limit, after }: ListQuery): {
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
  if (wave !== undefined) and('wave_id = ?', wave);
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
               (id, org_id, active_org_id, home_region, state, since_ms, created_at_ms, journal, revision, epoch, owner, next_seq, wave_id)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1, 0, NULL, ?, ?)`,
            [
              input.id,
              input.orgId,
              input.orgId,
              input.homeRegion,
              input.state,
              input.atMs,
              input.atMs,
              JSON.stringify(input.journal),
              1 + input.timeline.length,
              input.waveId ?? null,
            ],
          );
          if (input.waveId !== undefined) await assertStillInWave(session, input.waveId, input.orgId);
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
          const entries = numbered(input.timeline, 1);
          const told = announce === null ? [] : announce({ context: input.journal.context, entries });
          await session.writeLast([...appending(input.id, entries), ...deliveries(told)]);
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
        const { orgId, homeRegion, serving } = step.journal.context;
        const { id: migrationId, sinceMs } = step;
        const [own, side] = await session.writeAll([
          {
            sql: `UPDATE migrations
                SET state = ?, since_ms = ?, journal = ?, revision = revision + 1, active_org_id = IF(?, NULL, org_id),
                    ${takeNumbers}
              WHERE id = ? AND epoch = ? AND revision = ?`,
            values: [
              step.state,
              step.sinceMs,
              JSON.stringify(step.journal),
              step.ended ? 1 : 0,
              step.timeline.length,
              step.id,
              step.epoch,
              step.revision,
            ],
          },
          changeServed({ orgId, homeRegion, migrationId, side: serving, sinceMs }),
        ]);
        if (own?.affectedRows !== 1) throw new OwnershipLostError(step.id, step.epoch);
        const entries = numbered(step.timeline, own.insertId);
        const told = announce === null ? [] : announce({ context: step.journal.context, entries });
        await session.writeLast([
          ...(side?.affectedRows === 0 ? [] : [countServed, ...auditServed(step)]),
          ...appending(step.id, entries),
          ...deliveries(told),
          ...(step.commands.length > 0 ? [{ sql: 'DELETE FROM inbox WHERE id IN (?)', values: [step.commands] }] : []),
          ...(step.ended ? ending(step.id) : []),
        ]);
      }),

    note: (id, events) =>
      transaction(pool, 'note', async (session) => {
        const first = await session.insert(`UPDATE migrations SET ${takeNumbers} WHERE id = ?`, [events.length, id]);
        // Numbers begin with 1: there is no such row.
        if (first === 0) throw new UnknownMigrationError(id);
        await session.writeLast(appending(id, numbered(events, first)));
      }),

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
        const values = [id, name, JSON.stringify(value)];
        await session.writeLast([
          { sql: 'REPLACE INTO records (migration_id, name, value) VALUES (?, ?, ?)', values },
          countingChange(id),
        ]);
      }),

    async getRecord(id, name) {
      const [row] = await withSession(pool, 'read record', (session) =>
        session.rows('SELECT value FROM records WHERE migration_id = ? AND name = ?', [id, name]),
      );
      return row === undefined ? null : JSON.parse(valueRow.parse(row).value);
    },
  };
}
