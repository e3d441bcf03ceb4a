import { z } from 'zod';
import { FenceRowMissingError, PlaceError, StaleEpochError } from '../../errors/index.ts';
import { CONTROL_SCHEMA, FENCE_WRITERS } from '../../fence/schema.ts';
import type { FenceRow, FenceWriter } from '../../ports/place.ts';
import type { PlaceContext } from './context.ts';
import { isThisPlace, requireThisPlace } from './identity.ts';
import { integer, text } from './rows.ts';
import type { Session } from './session.ts';

const fenceRow = z.object({ writer: text.pipe(z.enum(FENCE_WRITERS)), epoch: integer });

const READ_FENCE = `SELECT writer, epoch FROM ${CONTROL_SCHEMA}.fence WHERE org_id = ? AND place = ?`;

/** The place's own row, on a session at hand. */
export function fenceRowOn(session: Session, place: string, orgId: number): Promise<FenceRow | null> {
  return session.row(fenceRow, READ_FENCE, [orgId, place]);
}

/** The place's own row of the org; null where it has none. */
export function readFence({ critical, key }: PlaceContext, orgId: number): Promise<FenceRow | null> {
  return critical.use('reading the fence', (session) => fenceRowOn(session, key.name, orgId));
}

/** Makes the place's own fence and heartbeat rows where they are missing. */
export async function enrol(
  { critical, key }: PlaceContext,
  orgId: number,
  writer: FenceWriter,
  arriving: readonly string[] = [],
): Promise<void> {
  const guard = isThisPlace(key);
  await critical.use('enrolling the org', async (session) => {
    await requireThisPlace(session, key);
    // IGNORE: who makes the same row at the same moment makes it the same.
    await session.transaction(async () => {
      await session.run(
        `INSERT IGNORE INTO ${CONTROL_SCHEMA}.fence (org_id, place, writer, epoch, updated_at)
         SELECT ?, ?, ?, 0, UTC_TIMESTAMP(6) FROM DUAL WHERE ${guard.sql}`,
        [orgId, key.name, writer, ...guard.values],
      );
      for (const site of [key.name, ...arriving]) {
        await session.run(
          `INSERT IGNORE INTO ${CONTROL_SCHEMA}.heartbeat (org_id, site, seq, written_at)
           SELECT ?, ?, 0, UTC_TIMESTAMP(6) FROM DUAL WHERE ${guard.sql}`,
          [orgId, site, ...guard.values],
        );
      }
    });
  });
}

/** Why no row was changed. */
export async function explainUnchanged(
  session: Session,
  { key }: PlaceContext,
  orgId: number,
  epoch: number,
): Promise<Error> {
  await requireThisPlace(session, key);
  const row = await fenceRowOn(session, key.name, orgId);
  if (row === null) return new FenceRowMissingError(key.name, orgId);
  if (row.epoch > epoch) return new StaleEpochError(key.name, orgId, epoch);
  return new PlaceError(key.name, 'changing the fence', new Error('the row was there and did not change'));
}
