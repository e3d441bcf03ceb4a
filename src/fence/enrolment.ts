import type { Connection } from 'mysql2/promise';
import { z } from 'zod';
import type { FenceWriter } from '../ports/place.ts';
import { CONTROL_SCHEMA, PIN_PROBE_SLOTS } from './schema.ts';
import { select } from './sql.ts';

const BATCH_ROWS = 500;

const orgRow = z.object({ orgId: z.union([z.number(), z.string()]).transform(Number) });

/** Makes the fence rows of a place where they are missing; changes none that are there. Returns how many were made. */
export async function makeFenceRows(
  connection: Connection,
  place: string,
  orgIds: readonly number[],
  writer: FenceWriter,
): Promise<number> {
  const missing = await without(connection, 'fence', 'place', place, orgIds);
  for (const batch of batches(missing)) {
    await connection.query(
      `INSERT IGNORE INTO ${CONTROL_SCHEMA}.fence (org_id, place, writer, epoch, updated_at) VALUES ${rows(
        batch,
        '(?, ?, ?, 0, UTC_TIMESTAMP(6))',
      )}`,
      batch.flatMap((orgId) => [orgId, place, writer]),
    );
  }
  return missing.length;
}

/** Makes the heartbeat rows of one writer where they are missing. Returns how many were made. */
export async function makeHeartbeatRows(
  connection: Connection,
  site: string,
  orgIds: readonly number[],
): Promise<number> {
  const missing = await without(connection, 'heartbeat', 'site', site, orgIds);
  for (const batch of batches(missing)) {
    await connection.query(
      `INSERT IGNORE INTO ${CONTROL_SCHEMA}.heartbeat (org_id, site, seq, written_at) VALUES ${rows(
        batch,
        '(?, ?, 0, UTC_TIMESTAMP(6))',
      )}`,
      batch.flatMap((orgId) => [orgId, site]),
    );
  }
  return missing.length;
}

/** Makes the rows that prove that a view holds. */
export async function makeProbeRows(connection: Connection, place: string): Promise<void> {
  const slots = Array.from({ length: PIN_PROBE_SLOTS }, (_, slot) => [place, slot]);
  await connection.query(`INSERT IGNORE INTO ${CONTROL_SCHEMA}.pin_probe (place, slot) VALUES ?`, [slots]);
}

/** Orgs that have no row of this place in the table. */
export async function without(
  connection: Connection,
  table: 'fence' | 'heartbeat',
  column: 'place' | 'site',
  place: string,
  orgIds: readonly number[],
): Promise<readonly number[]> {
  const found = await select(
    connection,
    orgRow,
    `SELECT org_id AS orgId FROM ${CONTROL_SCHEMA}.${table} WHERE ${column} = ?`,
    [place],
  );
  const there = new Set(found.map((row) => row.orgId));
  return [...new Set(orgIds)].filter((orgId) => !there.has(orgId));
}

function rows(batch: readonly number[], row: string): string {
  return batch.map(() => row).join(', ');
}

function* batches(orgIds: readonly number[]): Generator<readonly number[]> {
  for (let start = 0; start < orgIds.length; start += BATCH_ROWS) yield orgIds.slice(start, start + BATCH_ROWS);
}
