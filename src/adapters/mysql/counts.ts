import { z } from 'zod';
import type { OrgTable, TableCount, TableShape } from '../../ports/place.ts';
import type { PlaceContext } from './context.ts';
import { quoted, quotedTable } from './identifiers.ts';
import { nullableInteger } from './rows.ts';
import { shapeOf } from './shapes.ts';

const LOB = /(blob|text|json)/i;

const countRow = z.object({ rows: nullableInteger, dataBytes: nullableInteger, largestLobBytes: nullableInteger });

/**
 * Rows of the org in every table, their bytes (numbers and times counted as text) and the largest LOB value. Reads all
 * of the org's rows. A table that the place does not have counts as empty.
 */
export async function counts(
  { bulk }: PlaceContext,
  tables: readonly OrgTable[],
  orgId: number,
): Promise<readonly TableCount[]> {
  return bulk.use('counting the org’s rows', async (session) => {
    const found: TableCount[] = [];
    for (const table of tables) {
      const shape = await shapeOf(session, table);
      const row = shape.exists ? await session.row(countRow, countStatement(table, shape), [orgId]) : null;
      found.push({
        table: table.table,
        rows: row?.rows ?? 0,
        dataBytes: row?.dataBytes ?? 0,
        largestLobBytes: row?.largestLobBytes ?? 0,
      });
    }
    return found;
  });
}

function countStatement(table: OrgTable, { columns }: TableShape): string {
  const length = (name: string) => `COALESCE(OCTET_LENGTH(${quoted(name)}), 0)`;
  const all = columns.map((column) => length(column.name)).join(' + ');
  const lobs = columns.filter((column) => LOB.test(column.type)).map((column) => length(column.name));
  // GREATEST wants two values at least.
  const largest = lobs.length === 0 ? '0' : `MAX(GREATEST(0, ${lobs.join(', ')}))`;
  return `SELECT COUNT(*) AS \`rows\`, SUM(${all}) AS dataBytes, ${largest} AS largestLobBytes
    FROM ${quotedTable(table)} WHERE ${quoted(table.orgColumn)} = ?`;
}
