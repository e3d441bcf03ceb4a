import { z } from 'zod';
import type { OrgTable } from '../../ports/place.ts';
import type { PlaceContext } from './context.ts';
import { quoted, quotedTable } from './identifiers.ts';
import { nullableInteger } from './rows.ts';
import type { Session } from './session.ts';
import { shapeOf } from './shapes.ts';

const planRow = z.object({ id: nullableInteger, rows: nullableInteger });
/** Orgs that one statement asks for. */
const atOnce = 50;

/**
 * Rows of each org in all tables, as the optimizer estimates them: two dives into an index for each, and no row is
 * read. A table that the place does not have counts as empty; one without an index on the org is told whole for each.
 */
export async function estimatedRows(
  { bulk }: PlaceContext,
  tables: readonly OrgTable[],
  orgIds: readonly number[],
  signal?: AbortSignal,
): Promise<ReadonlyMap<number, number>> {
  const found = new Map(orgIds.map((orgId) => [orgId, 0]));
  for (let from = 0; from < orgIds.length; from += atOnce) {
    const some = orgIds.slice(from, from + atOnce);
    await bulk.use(
      'estimating the orgs’ rows',
      async (session) => {
        for (const table of tables) {
          if (!(await shapeOf(session, table)).exists) continue;
          const rows = await plansOf(session, table, some, signal);
          for (const [index, orgId] of some.entries()) {
            found.set(orgId, (found.get(orgId) ?? 0) + (rows.get(index + 1) ?? 0));
          }
        }
      },
      { signal },
    );
  }
  return found;
}

/** Estimated rows by the number of the SELECT, from 1. */
async function plansOf(
  session: Session,
  table: OrgTable,
  orgIds: readonly number[],
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<number, number>> {
  const one = `SELECT 1 FROM ${quotedTable(table)} WHERE ${quoted(table.orgColumn)} = ?`;
  const plan = await session.rows(
    planRow,
    `EXPLAIN FORMAT=TRADITIONAL ${orgIds.map(() => one).join(' UNION ALL ')}`,
    orgIds,
    { signal },
  );
  return new Map(plan.flatMap(({ id, rows }): [number, number][] => (id === null ? [] : [[id, rows ?? 0]])));
}
