import type { SimServer } from '../mysql/simServer.ts';
import { keyText, type Value } from '../mysql/sql/value.ts';
import { Table } from '../mysql/storage/table.ts';

/** What can be done to a server from outside. */
export function serverOf(server: SimServer) {
  return {
    name: server.name,
    kill: () => server.crash(),
    restart: () => server.restart(),
    setReadOnly: (readOnly: boolean) => void server.core.variables.set('read_only', readOnly ? 1 : 0),
  };
}

/** A row as it was committed last. */
export interface CommittedRow {
  readonly of: (column: string) => Value;
  /** The same array for as long as the row is not changed. */
  readonly values: readonly Value[];
}

/** Committed rows of a table; none where there is no such table yet. */
export function committedRows(server: SimServer, schema: string, name: string): CommittedRow[] {
  const table = server.core.catalog.find(schema, name);
  if (!(table instanceof Table)) return [];
  return [...table.rows()].flatMap((row) => {
    const values = row.versions.findLast(({ writer }) => writer === null)?.values;
    if (values === undefined || values === null) return [];
    return [{ values, of: (column: string) => values[table.indexOf(column)] ?? null }];
  });
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
