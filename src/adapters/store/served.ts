import { z } from 'zod';
import type { Routes, ServedOrg, Store } from '../../ports/store.ts';
import { type StorePool, type StoreSession, withSession } from './connection.ts';

type ServedOperations = Pick<Store, 'routesRevision' | 'routes' | 'servedBy'>;

const int = z.coerce.number().int();
const revisionRow = z.object({ revision: int });
const servedRow = z.object({
  org_id: int,
  side: z.enum(['source', 'held', 'cluster', 'unknown']),
  home_region: z.string(),
  migration_id: z.string(),
  since_ms: int,
});
const columns = 'org_id, side, home_region, migration_id, since_ms';

function toServed(raw: unknown): ServedOrg {
  const row = servedRow.parse(raw);
  return {
    orgId: row.org_id,
    side: row.side,
    homeRegion: row.home_region,
    migrationId: row.migration_id,
    sinceMs: row.since_ms,
  };
}

/**
 * Which side serves each org, as the journals say: written in the transaction of the step that changes it. The revision
 * grows with every change, and changes are rare, so that its row is nobody's bottleneck.
 */
export function servedOperations(pool: StorePool): ServedOperations {
  return {
    routesRevision: () => withSession(pool, 'read the revision of the routes', readRevision),

    async routes(): Promise<Routes> {
      // One statement sees one moment: revision and orgs belong together.
      const rows = await withSession(pool, 'read the routes', (session) =>
        session.rows(
          `SELECT revision, ${columns} FROM served_state LEFT JOIN served ON side <> 'source'
            WHERE served_state.id = 1 ORDER BY org_id`,
        ),
      );
      const orgs = rows.filter((row) => (row as { org_id: unknown }).org_id !== null);
      return { revision: revisionRow.parse(rows[0]).revision, orgs: orgs.map(toServed) };
    },

    async servedBy(orgId) {
      const [row] = await withSession(pool, 'read the side of an org', (session) =>
        session.rows(`SELECT ${columns} FROM served WHERE org_id = ?`, [orgId]),
      );
      return row === undefined ? null : toServed(row);
    },
  };
}

async function readRevision(session: StoreSession): Promise<number> {
  const [row] = await session.rows('SELECT revision FROM served_state WHERE id = 1');
  return revisionRow.parse(row).revision;
}

/** The org's row has to be there before a step looks for it: who updates a row that is not there locks its neighbours' gap. */
export async function beginServed(
  session: StoreSession,
  org: { orgId: number; homeRegion: string; migrationId: string; sinceMs: number },
): Promise<void> {
  await session.write(`INSERT IGNORE INTO served (${columns}) VALUES (?, 'source', ?, ?, ?)`, [
    org.orgId,
    org.homeRegion,
    org.migrationId,
    org.sinceMs,
  ]);
}

/** Part of a step: what its journal says of the serving side. */
export async function writeServed(session: StoreSession, served: ServedOrg): Promise<void> {
  const changed = await session.write(
    'UPDATE served SET side = ?, home_region = ?, migration_id = ?, since_ms = ? WHERE org_id = ? AND side <> ?',
    [served.side, served.homeRegion, served.migrationId, served.sinceMs, served.orgId, served.side],
  );
  if (changed > 0) await session.write('UPDATE served_state SET revision = revision + 1 WHERE id = 1');
}
