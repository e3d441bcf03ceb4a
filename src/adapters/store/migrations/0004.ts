import { z } from 'zod';
import type { StoreConnection } from '../connection.ts';

/**
 * What readers ask again and again: whether anything of a migration changed, and which side serves each org. Each step
 * bears being carried out again.
 */
export const statements: readonly (string | ((connection: StoreConnection) => Promise<void>))[] = [
  'ALTER TABLE migrations ADD COLUMN changes BIGINT NOT NULL DEFAULT 0',
  // All that is summed up again and again, without the journals.
  'ALTER TABLE migrations ADD KEY counted (active_org_id, revision, changes)',
  `CREATE TABLE IF NOT EXISTS served (
     org_id INT NOT NULL PRIMARY KEY,
     side VARCHAR(10) NOT NULL,
     home_region VARCHAR(64) NOT NULL,
     migration_id VARCHAR(40) NOT NULL,
     since_ms BIGINT NOT NULL
   ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
  'CREATE TABLE IF NOT EXISTS served_state (id INT NOT NULL PRIMARY KEY, revision BIGINT NOT NULL) ENGINE=InnoDB',
  'INSERT IGNORE INTO served_state VALUES (1, 1)',
  fillServed,
];

const olderRow = z.object({
  id: z.string(),
  org_id: z.coerce.number().int(),
  home_region: z.string(),
  since_ms: z.coerce.number().int(),
  journal: z.string(),
});
const journalSide = z.object({ context: z.object({ serving: z.enum(['source', 'held', 'cluster']) }) });
const pageSize = 200;
/** Longest time for one statement (milliseconds). */
const withinMs = 30_000;

/** Sides of the migrations that were there before; ids sort by age, so that an org's newest has the last word. */
async function fillServed(connection: StoreConnection): Promise<void> {
  for (let after = ''; ; ) {
    const [page] = await connection.query(
      {
        sql: 'SELECT id, org_id, home_region, since_ms, journal FROM migrations WHERE id > ? ORDER BY id LIMIT ?',
        timeout: withinMs,
      },
      [after, pageSize],
    );
    const rows = z.array(olderRow).parse(page);
    for (const { id, org_id, home_region, since_ms, journal } of rows) {
      await connection.query(
        {
          sql: 'REPLACE INTO served (org_id, side, home_region, migration_id, since_ms) VALUES (?, ?, ?, ?, ?)',
          timeout: withinMs,
        },
        [org_id, sideOf(journal), home_region, id, since_ms],
      );
    }
    const last = rows.at(-1);
    if (last === undefined) return;
    after = last.id;
  }
}

/** `unknown` where this version cannot read the journal: nothing is guessed. */
function sideOf(journal: string): string {
  try {
    return journalSide.parse(JSON.parse(journal)).context.serving;
  } catch {
    return 'unknown';
  }
}
