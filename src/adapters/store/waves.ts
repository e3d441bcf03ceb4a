import { z } from 'zod';
import { StoreUnavailableError } from '../../errors/store.ts';
import { WaveOverlapError } from '../../errors/waves.ts';
import {
  type WaveLease,
  type WaveMove,
  type WaveOrg,
  type WaveRow,
  type WaveStore,
  waveStates,
} from '../../ports/waves.ts';
import { reasonSchema } from '../../service/status.ts';
import { type StorePool, type StoreSession, transaction, withSession } from './connection.ts';
import { alive } from './ownership.ts';
import { jsonOf, waveDocument } from './waveDocument.ts';

const int = z.coerce.number().int();
const flag = int.transform((value) => value === 1);

const waveRow = z
  .object({
    id: z.string(),
    name: z.string(),
    state: z.enum(waveStates),
    since_ms: int,
    created_at_ms: int,
    ended: flag,
    orgs: int,
    document: jsonOf(waveDocument),
    revision: int,
  })
  .transform(
    ({ since_ms, created_at_ms, ...row }): WaveRow => ({
      ...row,
      sinceMs: since_ms,
      createdAtMs: created_at_ms,
    }),
  );
const waveColumns = 'id, name, state, since_ms, created_at_ms, ended, orgs, document, revision';

const orgRow = z
  .object({
    org_id: int,
    position: int,
    home_region: z.string(),
    row_estimate: int,
    canary: flag,
    asked_to_start: flag,
    attempts_when_let_go: int.nullable(),
    refusal: jsonOf(reasonSchema).nullable(),
  })
  .transform(
    (row): WaveOrg => ({
      orgId: row.org_id,
      position: row.position,
      homeRegion: row.home_region,
      rows: row.row_estimate,
      canary: row.canary,
      askedToStart: row.asked_to_start,
      attemptsWhenLetGo: row.attempts_when_let_go,
      refusal: row.refusal,
    }),
  );

const moveRow = z
  .object({
    org_id: int,
    id: z.string(),
    state: z.string(),
    since_ms: int,
    created_at_ms: int,
    active_org_id: int.nullable(),
    side: z.enum(['source', 'held', 'cluster', 'unknown']).nullable(),
    approved: z.string().nullable(),
    reason: z.string().nullable(),
    returns: z.string().nullable(),
    stays: z.string().nullable(),
    attempts: int,
    aborts: int,
    longest_pause_ms: z.coerce.number().nullable(),
    first_attempt_ms: int.nullable(),
  })
  .transform(
    (row): WaveMove => ({
      orgId: row.org_id,
      migrationId: row.id,
      state: row.state,
      sinceMs: row.since_ms,
      createdAtMs: row.created_at_ms,
      ended: row.active_org_id === null,
      side: row.side ?? 'source',
      approved: row.approved === 'true',
      reason: row.reason === 'null' ? null : row.reason,
      decided: row.stays === 'true' ? 'stays' : row.returns === null || row.returns === 'null' ? null : 'back',
      attempts: row.attempts,
      aborts: row.aborts,
      longestPauseMs: row.longest_pause_ms,
      firstAttemptMs: row.first_attempt_ms,
    }),
  );

const phaseRow = z.object({ wave_id: z.string(), phase: z.string(), moves: int });
const movingRow = z.object({ org_id: int, id: z.string(), state: z.string() });
const taken = z.object({ org_id: int, wave_id: z.string() });
const leaseRow = z.object({ epoch: int, owner: z.string().nullable() });
const duplicateKey = 1062;
/** Rows that one statement inserts. */
const insertAtOnce = 500;

/** Waves, their orgs, and the right to drive them. */
export function waveOperations(pool: StorePool): WaveStore {
  /** A change under the lease, and only while it is this controller's. */
  const underLease = (
    { instance, epoch }: WaveLease,
    action: string,
    change: (session: StoreSession) => Promise<number>,
  ) =>
    transaction(pool, action, async (session) => {
      const [row] = await session.rows('SELECT epoch, owner FROM wave_driver WHERE id = 1 FOR UPDATE');
      const lease = leaseRow.parse(row);
      if (lease.epoch !== epoch || lease.owner !== instance) return false;
      return (await change(session)) === 1;
    });
  const ofRunning = `wave_id = ? AND org_id = ? AND open_org_id IS NOT NULL
    AND EXISTS (SELECT 1 FROM waves WHERE waves.id = wave_orgs.wave_id AND waves.state = 'running')`;

  return {
    async createWave({ id, name, createdAtMs, document }, orgs) {
      try {
        await transaction(pool, 'create wave', async (session) => {
          await session.write(
            `INSERT INTO waves (id, name, state, since_ms, created_at_ms, ended, orgs, document, revision)
             VALUES (?, ?, 'planned', ?, ?, 0, ?, ?, 1)`,
            [id, name, createdAtMs, createdAtMs, orgs.length, JSON.stringify(document)],
          );
          const rows = orgs.map((org, index) => [
            id,
            org.orgId,
            org.orgId,
            index + 1,
            org.homeRegion,
            org.rows,
            org.canary ? 1 : 0,
          ]);
          for (let from = 0; from < rows.length; from += insertAtOnce) {
            await session.write(
              'INSERT INTO wave_orgs (wave_id, org_id, open_org_id, position, home_region, row_estimate, canary) VALUES ?',
              [rows.slice(from, from + insertAtOnce)],
            );
          }
        });
      } catch (error) {
        if (!(error instanceof StoreUnavailableError) || error.details.errno !== duplicateKey) throw error;
        const others = await withSession(pool, 'look for other waves', (session) =>
          session.rows('SELECT org_id, wave_id FROM wave_orgs WHERE open_org_id IN (?)', [
            orgs.map(({ orgId }) => orgId),
          ]),
        );
        if (others.length === 0) throw error;
        throw new WaveOverlapError(
          others.map((row) => taken.parse(row)).map(({ org_id, wave_id }) => ({ orgId: org_id, waveId: wave_id })),
        );
      }
    },

    async getWave(id) {
      const [row] = await withSession(pool, 'read wave', (session) =>
        session.rows(`SELECT ${waveColumns} FROM waves WHERE id = ?`, [id]),
      );
      return row === undefined ? null : waveRow.parse(row);
    },

    async listWaves({ state, ended, after, limit }) {
      const conditions = ['1 = 1'];
      const values: unknown[] = [];
      const and = (condition: string, value: unknown) => {
        conditions.push(condition);
        values.push(value);
      };
      if (state !== undefined) and('state = ?', state);
      if (ended !== undefined) and('ended = ?', ended ? 1 : 0);
      if (after !== undefined) and('id > ?', after);
      const rows = await withSession(pool, 'list waves', (session) =>
        session.rows(`SELECT ${waveColumns} FROM waves WHERE ${conditions.join(' AND ')} ORDER BY id LIMIT ?`, [
          ...values,
          limit,
        ]),
      );
      return rows.map((row) => waveRow.parse(row));
    },

    waveCensus: () =>
      withSession(pool, 'count the orgs of waves', async (session) => {
        const waves = await session.rows(`SELECT ${waveColumns} FROM waves WHERE ended = 0 ORDER BY id`);
        if (waves.length === 0) return [];
        const moves = await session.rows(
          `SELECT wave_id, SUBSTRING_INDEX(migrations.state, '.', 1) AS phase, COUNT(*) AS moves
             FROM migrations JOIN waves ON waves.id = wave_id WHERE waves.ended = 0 GROUP BY wave_id, phase`,
        );
        const byWave = Map.groupBy(z.array(phaseRow).parse(moves), ({ wave_id }) => wave_id);
        return waves
          .map((row) => waveRow.parse(row))
          .map(({ id, state, orgs, document: { reason } }) => ({
            id,
            state,
            orgs,
            stoppedBy: state === 'paused' ? (reason?.code ?? null) : null,
            moves: (byWave.get(id) ?? []).map(({ phase, moves: count }) => ({ phase, moves: count })),
          }));
      }),

    async waveOrgs(id) {
      const rows = await withSession(pool, 'read the orgs of a wave', (session) =>
        session.rows('SELECT * FROM wave_orgs WHERE wave_id = ? ORDER BY position', [id]),
      );
      return rows.map((row) => orgRow.parse(row));
    },

    async waveMoves(id) {
      const forward = `FROM attempts WHERE attempts.migration_id = migrations.id AND direction = 'forward'`;
      const rows = await withSession(pool, 'read the moves of a wave', (session) =>
        session.rows(
          `SELECT migrations.org_id, migrations.id, state, migrations.since_ms, created_at_ms, active_org_id, side,
                  JSON_UNQUOTE(JSON_EXTRACT(journal, '$.context.approved')) AS approved,
                  JSON_UNQUOTE(JSON_EXTRACT(journal, '$.context.reason.code')) AS reason,
                  JSON_UNQUOTE(JSON_EXTRACT(journal, '$.context.returnRequested')) AS returns,
                  JSON_UNQUOTE(JSON_EXTRACT(journal, '$.context.stays')) AS stays,
                  COALESCE(JSON_EXTRACT(journal, '$.context.attempt'), 0) AS attempts,
                  (SELECT COUNT(*) ${forward} AND ended_at_ms IS NOT NULL
                      AND (decision IS NULL OR decision = 'abort')) AS aborts,
                  (SELECT MAX(write_pause_ms) ${forward}) AS longest_pause_ms,
                  (SELECT MIN(started_at_ms) ${forward}) AS first_attempt_ms
             FROM migrations LEFT JOIN served ON served.org_id = migrations.org_id
            WHERE wave_id = ? ORDER BY migrations.id`,
          [id],
        ),
      );
      return rows.map((row) => moveRow.parse(row));
    },

    async orgsMoving() {
      const rows = await withSession(pool, 'read the orgs that move', (session) =>
        session.rows(`SELECT org_id, id, state FROM migrations WHERE active_org_id IS NOT NULL OR state = 'completed'`),
      );
      return new Map(
        rows
          .map((row) => movingRow.parse(row))
          .map(({ org_id, id, state }) => [org_id, { migrationId: id, completed: state === 'completed' }]),
      );
    },

    async orgsInWaves() {
      const rows = await withSession(pool, 'read the orgs of waves', (session) =>
        session.rows('SELECT org_id, wave_id FROM wave_orgs WHERE open_org_id IS NOT NULL'),
      );
      return new Map(rows.map((row) => taken.parse(row)).map(({ org_id, wave_id }) => [org_id, wave_id]));
    },

    changeWave({ id, revision }, { state, sinceMs, ended, document }, lease) {
      const change = async (session: StoreSession) => {
        const changed = await session.write(
          `UPDATE waves SET state = ?, since_ms = ?, ended = ?, document = ?, revision = revision + 1
            WHERE id = ? AND revision = ?`,
          [state, sinceMs, ended ? 1 : 0, JSON.stringify(document), id, revision],
        );
        if (changed === 1 && ended) {
          await session.write('UPDATE wave_orgs SET open_org_id = NULL WHERE wave_id = ?', [id]);
        }
        return changed;
      };
      if (lease !== undefined) return underLease(lease, 'change wave', change);
      return transaction(pool, 'change wave', async (session) => (await change(session)) === 1);
    },

    keepWaves: (instance, leaseMs) =>
      withSession(pool, 'keep the waves', async (session) => {
        const kept = await session.write(
          'UPDATE wave_driver SET seen_at = UTC_TIMESTAMP(3) WHERE id = 1 AND owner = ?',
          [instance],
        );
        if (kept === 0) {
          const grace = [leaseMs * 1000, leaseMs * 1000];
          const taken = await session.write(
            `UPDATE wave_driver SET owner = ?, epoch = epoch + 1, seen_at = UTC_TIMESTAMP(3)
              WHERE id = 1 AND (owner IS NULL OR NOT (${alive}))`,
            [instance, ...grace],
          );
          if (taken === 0) return null;
        }
        const [row] = await session.rows('SELECT epoch, owner FROM wave_driver WHERE id = 1');
        const { epoch, owner } = leaseRow.parse(row);
        return owner === instance ? { instance, epoch } : null;
      }),

    letWavesGo: (instance) =>
      withSession(pool, 'let the waves go', async (session) => {
        await session.write('UPDATE wave_driver SET owner = NULL WHERE owner = ?', [instance]);
      }),

    askToStart: (lease, id, orgId) =>
      underLease(lease, 'ask an org to start', (session) =>
        session.write(`UPDATE wave_orgs SET asked_to_start = 1 WHERE asked_to_start = 0 AND ${ofRunning}`, [id, orgId]),
      ),
    letGo: (lease, id, orgId, attempts) =>
      underLease(lease, 'let an org go', (session) =>
        session.write(
          // Counted is what is found, also where it was written down before.
          `UPDATE wave_orgs SET attempts_when_let_go = ? WHERE ${ofRunning}`,
          [attempts, id, orgId],
        ),
      ),
    withdraw: (lease, id, orgId) =>
      underLease(lease, 'take back that an org is let go', (session) =>
        session.write('UPDATE wave_orgs SET attempts_when_let_go = NULL WHERE wave_id = ? AND org_id = ?', [id, orgId]),
      ),
    refuseOrg: (lease, id, orgId, refusal) =>
      underLease(lease, 'refuse an org of a wave', (session) =>
        session.write('UPDATE wave_orgs SET refusal = ? WHERE wave_id = ? AND org_id = ?', [
          JSON.stringify(refusal),
          id,
          orgId,
        ]),
      ),
  };
}
