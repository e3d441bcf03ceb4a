import { z } from 'zod';
import type { ColumnShape, OrgTable, TableShape } from '../../ports/place.ts';
import type { PlaceContext } from './context.ts';
import { nullableText, text } from './rows.ts';
import type { Session } from './session.ts';

const columnRow = z.object({
  name: text,
  type: text,
  nullable: text,
  characterSet: nullableText,
  collation: nullableText,
  extra: text,
});
const keyRow = z.object({ name: text });

// Also "DEFAULT_GENERATED" is found in EXTRA, which is a default only.
const GENERATED = /\b(VIRTUAL|STORED|PERSISTENT) GENERATED\b/i;

/** Columns and primary keys as information_schema tells them, in the order of the tables asked for. */
export function shapes({ bulk }: PlaceContext, tables: readonly OrgTable[]): Promise<readonly TableShape[]> {
  return bulk.use('reading the shape of the tables', async (session) => {
    const found: TableShape[] = [];
    for (const table of tables) found.push(await shapeOf(session, table));
    return found;
  });
}

/** Shape of one table. */
export async function shapeOf(session: Session, { schema, table }: OrgTable): Promise<TableShape> {
  const columns = await session.rows(
    columnRow,
    `SELECT COLUMN_NAME AS name, COLUMN_TYPE AS type, IS_NULLABLE AS nullable, CHARACTER_SET_NAME AS characterSet,
       COLLATION_NAME AS collation, EXTRA AS extra
     FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION`,
    [schema, table],
  );
  const primaryKey = await session.rows(
    keyRow,
    `SELECT COLUMN_NAME AS name FROM information_schema.STATISTICS
     WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND INDEX_NAME = 'PRIMARY' ORDER BY SEQ_IN_INDEX`,
    [schema, table],
  );
  return {
    table,
    exists: columns.length > 0,
    primaryKey: primaryKey.map((row) => row.name),
    columns: columns.map(columnShape),
  };
}

/** Whether a column's EXTRA says that its value is computed. */
export const isGenerated = (extra: string): boolean => GENERATED.test(extra);

function columnShape(row: z.infer<typeof columnRow>): ColumnShape {
  const { name, type, characterSet, collation } = row;
  return {
    name,
    type,
    nullable: row.nullable === 'YES',
    characterSet,
    collation,
    generated: isGenerated(row.extra),
  };
}
