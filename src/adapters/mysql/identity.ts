import { z } from 'zod';
import { WrongPlaceError } from '../../errors/index.ts';
import { CONTROL_SCHEMA } from '../../fence/schema.ts';
import type { PlaceIdentity } from '../../ports/place.ts';
import type { PlaceContext, PlaceKey } from './context.ts';
import { flag, integer, text } from './rows.ts';
import type { Session } from './session.ts';

/** A condition with its values. */
export interface Condition {
  readonly sql: string;
  readonly values: readonly unknown[];
}

/**
 * Condition that every write of this adapter carries: true only on a connection to the place that is meant. So the
 * identity is asked on the very connection that writes, in the same statement.
 */
export function isThisPlace(key: PlaceKey): Condition {
  if (key.kind === 'site') return { sql: '@@GLOBAL.server_id = ?', values: [key.serverId] };
  return {
    sql: `EXISTS (SELECT 1 FROM ${CONTROL_SCHEMA}.identity i WHERE i.kind = 'cluster' AND i.name = ? AND i.home_region = ?)`,
    values: [key.name, key.homeRegion],
  };
}

const identityRow = z.object({ kind: z.enum(['site', 'cluster']), name: text, homeRegion: text });
const serverIdRow = z.object({ serverId: integer });

/** What the place says that it is; at a site by its server id, which replication does not carry. */
export async function readIdentity(session: Session, key: PlaceKey): Promise<PlaceIdentity> {
  if (key.kind === 'site') {
    const row = await session.row(serverIdRow, 'SELECT @@GLOBAL.server_id AS serverId');
    const name = row?.serverId === key.serverId ? key.name : `server id ${row?.serverId}`;
    return { kind: 'site', name, homeRegion: null };
  }
  const row = await session.row(
    identityRow,
    `SELECT kind, name, home_region AS homeRegion FROM ${CONTROL_SCHEMA}.identity`,
  );
  if (row === null) throw new WrongPlaceError(key.name, 'nobody: it has no identity row');
  return row;
}

/** Throws `WrongPlaceError` unless the session's place is the one that is meant. */
export async function requireThisPlace(session: Session, key: PlaceKey): Promise<void> {
  const found = await readIdentity(session, key);
  if (found.kind !== key.kind || found.name !== key.name || found.homeRegion !== key.homeRegion) {
    throw new WrongPlaceError(key.name, `${found.kind} ${found.name} (${found.homeRegion ?? 'no region'})`);
  }
}

const readOnlyRow = z.object({ readOnly: flag, innodbReadOnly: flag });

/** True where the server itself refuses writes. */
export async function isReadOnly({ critical }: PlaceContext): Promise<boolean> {
  return critical.use('asking whether it is read-only', async (session) => {
    const row = await session.row(
      readOnlyRow,
      'SELECT @@GLOBAL.read_only AS readOnly, @@GLOBAL.innodb_read_only AS innodbReadOnly',
    );
    return row === null || row.readOnly || row.innodbReadOnly;
  });
}
