import { z } from 'zod';
import type { OrgTable } from '../../ports/place.ts';
import type { TableSize } from '../../ports/traffic.ts';
import type { PlaceContext } from './context.ts';
import { nullableInteger, text } from './rows.ts';

const sizeRow = z.object({
  name: text,
  dataBytes: nullableInteger,
  indexBytes: nullableInteger,
  freeBytes: nullableInteger,
});

/** Sizes of the catalogue's tables, from the server's statistics: no row is read. A table that is not there is left out. */
export function storage(
  { bulk }: PlaceContext,
  tables: readonly OrgTable[],
  signal?: AbortSignal,
): Promise<readonly TableSize[]> {
  const limits = { signal };
  const names = new Map(tables.map((each) => [`${each.schema}.${each.table}`, each.table]));
  return bulk.use(
    'reading the sizes of tables',
    async (session) => {
      const rows = await session.rows(
        sizeRow,
        `SELECT CONCAT(TABLE_SCHEMA, '.', TABLE_NAME) AS name, DATA_LENGTH AS dataBytes, INDEX_LENGTH AS indexBytes,
              DATA_FREE AS freeBytes
         FROM information_schema.TABLES
        WHERE ${tables.map(() => '(TABLE_SCHEMA = ? AND TABLE_NAME = ?)').join(' OR ')}`,
        tables.flatMap(({ schema, table }) => [schema, table]),
        limits,
      );
      return rows.map(({ name, dataBytes, indexBytes, freeBytes }) => ({
        table: names.get(name) ?? name,
        dataBytes: dataBytes ?? 0,
        indexBytes: indexBytes ?? 0,
        freeBytes: freeBytes ?? 0,
      }));
    },
    limits,
  );
}
