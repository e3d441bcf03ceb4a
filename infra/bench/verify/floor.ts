import type { RowDataPacket } from 'mysql2/promise';
import { bareConnection, orgId, type Pair, table } from './pair.ts';

/** One plain statement over all of the org's rows, on both sides at once; resolves to its milliseconds. */
export async function plainStatementMs(pair: Pair): Promise<number> {
  const connections = await Promise.all(pair.servers.map(bareConnection));
  try {
    const statements = await Promise.all(
      connections.map(async (connection) => {
        const [columns] = await connection.query<RowDataPacket[]>(
          'SELECT COLUMN_NAME AS name FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION',
          [table.schema, table.table],
        );
        const names = columns.map(({ name }) => `\`${name}\``).join(', ');
        return `SELECT COUNT(*) AS counted, BIT_XOR(CRC32(CONCAT_WS('#', ${names}))) AS summed
          FROM ${table.schema}.${table.table} WHERE ${table.orgColumn} = ${orgId}`;
      }),
    );
    const startedAt = performance.now();
    const found = await Promise.all(
      connections.map(async (connection, i) => (await connection.query<RowDataPacket[]>(statements[i] ?? ''))[0][0]),
    );
    const ms = performance.now() - startedAt;
    if (String(found[0]?.summed) !== String(found[1]?.summed)) throw new Error('the plain statements disagree');
    return ms;
  } finally {
    for (const connection of connections) connection.destroy();
  }
}
