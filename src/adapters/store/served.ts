import { z } from 'zod';
import type { AuditedCommand, AuditedOutcome } from '../../ports/operations.ts';
import type { Routes, ServedOrg, StepCommit, Store } from '../../ports/store.ts';
import { type Statement, type StorePool, type StoreSession, withSession } from './connection.ts';

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

/** Part of a step: what its journal says of the serving side. Where it changes a row, `countServed` belongs to the step too. */
export function changeServed({ orgId, side, homeRegion, migrationId, sinceMs }: ServedOrg): Statement {
  return {
    sql: 'UPDATE served SET side = ?, home_region = ?, migration_id = ?, since_ms = ? WHERE org_id = ? AND side <> ?',
    values: [side, homeRegion, migrationId, sinceMs, orgId, side],
  };
}

export const countServed: Statement = { sql: 'UPDATE served_state SET revision = revision + 1 WHERE id = 1' };

/**
 * Part of a step that changes who serves an org: a line of the audit log, with its outcome behind it, so that the log
 * alone proves where an org's rows were at any moment. A hold is no side: its rows stay where they were.
 */
export function auditServed(step: Pick<StepCommit, 'sinceMs' | 'epoch' | 'state' | 'journal'>): Statement[] {
  const { orgId, homeRegion, serving, migrationId, attempt } = step.journal.context;
  if (serving === 'held') return [];
  const command: AuditedCommand = {
    actor: 'controller',
    role: 'controller',
    from: '',
    action: `served by the ${serving}`,
    target: `org ${orgId}`,
    input: { migrationId, homeRegion, attempt, epoch: step.epoch, state: step.state },
    requestId: '',
  };
  const outcome: AuditedOutcome = { status: 200, code: null };
  return [
    { sql: 'INSERT INTO audit (at_ms, entry) VALUES (?, ?)', values: [step.sinceMs, JSON.stringify(command)] },
    {
      sql: 'INSERT INTO audit (at_ms, answers, entry) VALUES (?, LAST_INSERT_ID(), ?)',
      values: [step.sinceMs, JSON.stringify(outcome)],
    },
  ];
}
