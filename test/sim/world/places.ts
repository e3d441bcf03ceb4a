import type { SimServer } from '../mysql/simServer.ts';
import { keyText, type Value } from '../mysql/sql/value.ts';
import type { Table } from '../mysql/storage/table.ts';

/** What can be done to a server from outside. */
export function serverOf(server: SimServer) {
  return {
    name: server.name,
    kill: () => server.crash(),
    restart: () => server.restart(),
    setReadOnly: (readOnly: boolean) => void server.core.variables.set('read_only', readOnly ? 1 : 0),
  };
}

/** Committed rows of a table, by column name. */
export function committedRows(server: SimServer, schema: string, name: string): Record<string, unknown>[] {
  const table = server.core.catalog.table(schema, name);
  const rows: Record<string, unknown>[] = [];
  for (const row of table.rows()) {
    const values = row.versions.findLast(({ writer }) => writer === null)?.values;
    if (values === undefined || values === null) continue;
    rows.push(Object.fromEntries(table.columns.map((column, index) => [column.name, values[index]])));
  }
  return rows;
}

/** One column of one row, looked up again and again: its committed value, null where there is no row. */
export function committedCell(table: Table, key: readonly Value[], column: string): () => Value {
  const row = keyText(key);
  const index = table.indexOf(column);
  return () => {
    const versions = table.rowAt(row)?.versions;
    if (versions === undefined) return null;
    for (let at = versions.length - 1; at >= 0; at--) {
      const version = versions[at];
      if (version?.writer === null) return version.values?.[index] ?? null;
    }
    return null;
  };
}
