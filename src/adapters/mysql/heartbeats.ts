import { z } from 'zod';
import { HeartbeatRowMissingError, StaleEpochError } from '../../errors/index.ts';
import { CONTROL_SCHEMA } from '../../fence/schema.ts';
import type { Heartbeat, Marker } from '../../ports/place.ts';
import type { PlaceContext } from './context.ts';
import { isDeadlock } from './failures.ts';
import { isThisPlace, requireThisPlace } from './identity.ts';
import { integer, nullableInteger, nullableText, text } from './rows.ts';
import type { Session } from './session.ts';

const DEADLOCK_ATTEMPTS = 5;

const seqRow = z.object({ orgId: integer, seq: integer });

/**
 * Counts up the place's own heartbeat of the orgs, in one statement; a marker stays in its row, so that a beat between
 * its writing and its arrival does not hide it. An org without a row is missing in the answer.
 */
export function beat({ critical, key }: PlaceContext, orgIds: readonly number[]): Promise<ReadonlyMap<number, number>> {
  if (orgIds.length === 0) return Promise.resolve(new Map());
  const guard = isThisPlace(key);
  return critical.use('writing heartbeats', async (session) => {
    const matched = await runAgainAfterDeadlock(session, () =>
      session.run(
        `UPDATE ${CONTROL_SCHEMA}.heartbeat SET seq = seq + 1, written_at = UTC_TIMESTAMP(6)
         WHERE site = ? AND org_id IN (?) AND ${guard.sql}`,
        [key.name, orgIds, ...guard.values],
      ),
    );
    if (matched === 0) await requireThisPlace(session, key);
    const rows = await session.rows(
      seqRow,
      `SELECT org_id AS orgId, seq FROM ${CONTROL_SCHEMA}.heartbeat WHERE site = ? AND org_id IN (?)`,
      [key.name, orgIds],
    );
    return new Map(rows.map((row) => [row.orgId, row.seq]));
  });
}

const epochRow = z.object({ epoch: nullableInteger });

/** A heartbeat that carries a marker; refused to an owner older than the last one who wrote a marker or the fence. */
export async function writeMarker(
  { critical, key }: PlaceContext,
  orgId: number,
  { epoch, attempt, nonce }: Marker,
  signal?: AbortSignal,
): Promise<void> {
  const guard = isThisPlace(key);
  const limits = { signal };
  await critical.use(
    'writing a marker',
    async (session) => {
      const matched = await runAgainAfterDeadlock(session, () =>
        session.run(
          `UPDATE ${CONTROL_SCHEMA}.heartbeat
           SET seq = seq + 1, written_at = UTC_TIMESTAMP(6), epoch = ?, attempt = ?, nonce = ?
           WHERE org_id = ? AND site = ? AND (epoch IS NULL OR epoch <= ?) AND ${guard.sql}
             AND NOT EXISTS (
               SELECT 1 FROM ${CONTROL_SCHEMA}.fence f WHERE f.org_id = ? AND f.place = ? AND f.epoch > ?)`,
          [epoch, attempt, nonce, orgId, key.name, epoch, ...guard.values, orgId, key.name, epoch],
          limits,
        ),
      );
      if (matched > 0) return;
      await requireThisPlace(session, key);
      const row = await session.row(
        epochRow,
        `SELECT epoch FROM ${CONTROL_SCHEMA}.heartbeat WHERE org_id = ? AND site = ?`,
        [orgId, key.name],
      );
      if (row === null) throw new HeartbeatRowMissingError(key.name, orgId);
      throw new StaleEpochError(key.name, orgId, epoch);
    },
    limits,
  );
}

const heartbeatRow = z.object({
  orgId: integer,
  site: text,
  seq: integer,
  writtenAt: text,
  epoch: nullableInteger,
  attempt: nullableInteger,
  nonce: nullableText,
});

/** All heartbeats of the orgs that have arrived here; every org asked for is in the answer. Rows never beaten are none. */
export async function readHeartbeats(
  { critical }: Pick<PlaceContext, 'critical'>,
  orgIds: readonly number[],
  signal?: AbortSignal,
): Promise<ReadonlyMap<number, readonly Heartbeat[]>> {
  const found = new Map<number, Heartbeat[]>(orgIds.map((orgId) => [orgId, []]));
  if (orgIds.length === 0) return found;
  const limits = { signal };
  const rows = await critical.use(
    'reading heartbeats',
    (session) =>
      session.rows(
        heartbeatRow,
        `SELECT org_id AS orgId, site, seq, written_at AS writtenAt, epoch, attempt, nonce
         FROM ${CONTROL_SCHEMA}.heartbeat WHERE org_id IN (?) AND seq > 0`,
        [orgIds],
        limits,
      ),
    limits,
  );
  for (const { orgId, site, seq, writtenAt, epoch, attempt, nonce } of rows) {
    const marker = epoch === null || attempt === null || nonce === null ? null : { epoch, attempt, nonce };
    found.get(orgId)?.push({ site, seq, writtenAt, marker });
  }
  return found;
}

/**
 * Removes the org's heartbeats that other places wrote here. A cluster deletes the rows, because the next full load
 * brings them again. A site only empties them: the reverse task, which loads nothing, updates rows that have to be there.
 * The sites' own rows are never touched: they replicate, and a site that lost its row could not beat any more.
 */
export async function forgetHeartbeats({ critical, key }: PlaceContext, orgId: number): Promise<void> {
  const guard = isThisPlace(key);
  await critical.use('forgetting heartbeats', async (session) => {
    await requireThisPlace(session, key);
    if (key.kind === 'cluster') {
      await session.run(`DELETE FROM ${CONTROL_SCHEMA}.heartbeat WHERE org_id = ? AND site <> ? AND ${guard.sql}`, [
        orgId,
        key.name,
        ...guard.values,
      ]);
      return;
    }
    // The sites are those that have fence rows here.
    await session.run(
      `UPDATE ${CONTROL_SCHEMA}.heartbeat SET seq = 0, epoch = NULL, attempt = NULL, nonce = NULL
       WHERE org_id = ? AND ${guard.sql}
         AND site NOT IN (SELECT f.place FROM ${CONTROL_SCHEMA}.fence f WHERE f.org_id = ?)`,
      [orgId, ...guard.values, orgId],
    );
  });
}

async function runAgainAfterDeadlock<T>(session: Session, work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      // The loser was rolled back whole and its session is as before.
      if (!isDeadlock(error) || !session.usable || attempt === DEADLOCK_ATTEMPTS) throw error;
    }
  }
}
