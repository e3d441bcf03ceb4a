import { z } from 'zod';
import type { OrgTable } from '../../ports/place.ts';
import type { AutoIncrement, TableIds } from '../../ports/settings.ts';
import type { PlaceContext } from './context.ts';
import { quoted, quotedTable } from './identifiers.ts';
import { integer, text } from './rows.ts';

const settingsRow = z.object({ increment: integer, offset: integer });
const columnRow = z.object({ name: text, nextId: text.nullable() });
const idRow = z.object({ id: text });
const maxRow = z.object({ maxId: text.nullable() });

/** Increment and offset of new connections, and the state of every table that has such a column. */
export function autoIncrement({ bulk }: PlaceContext, tables: readonly OrgTable[]): Promise<AutoIncrement> {
  return bulk.use('reading how ids are generated', async (session) => {
    const settings = await session.row(
      settingsRow,
      `SELECT @@GLOBAL.auto_increment_increment AS increment, @@GLOBAL.auto_increment_offset AS \`offset\``,
    );
    const found: TableIds[] = [];
    for (const table of tables) {
      const column = await session.row(
        columnRow,
        `SELECT c.COLUMN_NAME AS name, CAST(t.AUTO_INCREMENT AS CHAR) AS nextId
         FROM information_schema.COLUMNS c
         JOIN information_schema.TABLES t ON t.TABLE_SCHEMA = c.TABLE_SCHEMA AND t.TABLE_NAME = c.TABLE_NAME
         WHERE c.TABLE_SCHEMA = ? AND c.TABLE_NAME = ? AND c.EXTRA LIKE '%auto_increment%'`,
        [table.schema, table.table],
      );
      if (column === null) continue;
      const max = await session.row(
        maxRow,
        `SELECT CAST(MAX(${quoted(column.name)}) AS CHAR) AS maxId FROM ${quotedTable(table)}`,
      );
      // An empty table that never had a row may have no counter yet.
      found.push({ table: table.table, column: column.name, nextId: column.nextId ?? '1', maxId: max?.maxId ?? null });
    }
    return { increment: settings?.increment ?? 1, offset: settings?.offset ?? 1, tables: found };
  });
}

/** How many ids behind a number are looked at: they come from an index, in its order. */
const looked = 1_000;

/** The first ids of a table that are not below `from`, smallest first. Decimal text. */
export function idsFrom(
  { bulk }: PlaceContext,
  table: OrgTable,
  column: string,
  from: string,
): Promise<readonly string[]> {
  return bulk.use('looking at ids', async (session) => {
    const rows = await session.rows(
      idRow,
      `SELECT CAST(${quoted(column)} AS CHAR) AS id FROM ${quotedTable(table)}
       WHERE ${quoted(column)} >= CAST(? AS UNSIGNED) ORDER BY ${quoted(column)} LIMIT ${looked}`,
      [from],
    );
    return rows.map(({ id }) => id);
  });
}
