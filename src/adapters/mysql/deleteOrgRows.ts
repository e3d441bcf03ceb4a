import { z } from 'zod';
import { FenceRowMissingError, PlaceRefusedError, StaleEpochError } from '../../errors/index.ts';
import { CONTROL_SCHEMA } from '../../fence/schema.ts';
import type { OrgTable } from '../../ports/place.ts';
import type { PlaceContext } from './context.ts';
import { isDeadlock, isLockWaitTimeout } from './failures.ts';
import { quoted, quotedTable } from './identifiers.ts';
import { isThisPlace, requireThisPlace } from './identity.ts';
import { integer } from './rows.ts';
import type { Session } from './session.ts';
import { shapeOf } from './shapes.ts';

// A chunk is a transaction that replicas replay and that holds the org's fence row: it should be short.
const CHUNK_GOAL_MS = 150;
export const FIRST_CHUNK_ROWS = 100;
const MOST_CHUNK_ROWS = 5_000;
const RETRIES = 10;

const epochRow = z.object({ epoch: integer });

/**
 * Deletes the org's rows in chunks by primary key as the purge user. Each chunk is a transaction that first locks the
 * org's fence row and checks its epoch: a stale owner deletes nothing more. Resolves to the rows deleted; tables that
 * the place does not have are passed over.
 */
export async function deleteOrgRows(
  context: PlaceContext,
  tables: readonly OrgTable[],
  orgId: number,
  epoch: number,
  signal: AbortSignal,
): Promise<number> {
  const limits = { signal };
  return context.purge.use(
    'deleting the org’s rows',
    async (session) => {
      await requireThisPlace(session, context.key);
      let deleted = 0;
      for (const table of tables) {
        const { exists, primaryKey } = await shapeOf(session, table);
        if (!exists) continue;
        if (primaryKey.length === 0) {
          throw new PlaceRefusedError(context.key.name, `deleting from ${table.table}`, new Error('no primary key'));
        }
        deleted += await deleteFrom(context, session, { table, primaryKey, orgId, epoch, signal });
      }
      return deleted;
    },
    limits,
  );
}

interface Deletion {
  readonly table: OrgTable;
  readonly primaryKey: readonly string[];
  readonly orgId: number;
  readonly epoch: number;
  readonly signal: AbortSignal;
}

async function deleteFrom(context: PlaceContext, session: Session, deletion: Deletion): Promise<number> {
  let deleted = 0;
  let chunkRows = FIRST_CHUNK_ROWS;
  for (;;) {
    deletion.signal.throwIfAborted();
    const startedMs = context.machine.clock.monotonicMs();
    const rows = await deleteChunk(context, session, deletion, chunkRows);
    deleted += rows;
    if (rows < chunkRows) return deleted;
    chunkRows = nextChunkRows(chunkRows, context.machine.clock.monotonicMs() - startedMs, MOST_CHUNK_ROWS);
  }
}

/** Rows of the next chunk behind one that took so long: at most twice as many, at least half of them. */
export function nextChunkRows(rows: number, tookMs: number, most: number): number {
  const factor = CHUNK_GOAL_MS / Math.max(1, tookMs);
  return Math.round(Math.min(most, Math.max(1, rows * Math.min(2, Math.max(0.5, factor)))));
}

async function deleteChunk(
  context: PlaceContext,
  session: Session,
  deletion: Deletion,
  chunkRows: number,
): Promise<number> {
  const { table, primaryKey, orgId, epoch, signal } = deletion;
  const { key } = context;
  const guard = isThisPlace(key);
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await session.transaction(async () => {
        const fence = await session.row(
          epochRow,
          `SELECT epoch FROM ${CONTROL_SCHEMA}.fence WHERE org_id = ? AND place = ? FOR UPDATE`,
          [orgId, key.name],
          { signal },
        );
        if (fence === null) throw new FenceRowMissingError(key.name, orgId);
        if (fence.epoch > epoch) throw new StaleEpochError(key.name, orgId, epoch);
        return session.run(
          `DELETE FROM ${quotedTable(table)} WHERE ${quoted(table.orgColumn)} = ? AND ${guard.sql}
           ORDER BY ${primaryKey.map(quoted).join(', ')} LIMIT ${chunkRows}`,
          [orgId, ...guard.values],
          { signal, timeoutMs: context.tuning.bulkTimeoutMs },
        );
      });
    } catch (error) {
      const again = isDeadlock(error) || isLockWaitTimeout(error);
      if (!again || !session.usable || attempt === RETRIES) throw error;
    }
  }
}
