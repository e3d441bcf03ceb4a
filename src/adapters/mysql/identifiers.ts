import { quoted } from '../../fence/sql.ts';
import type { OrgTable } from '../../ports/place.ts';

export { quoted };

/** `schema`.`table`, quoted. */
export function quotedTable(table: Pick<OrgTable, 'schema' | 'table'>): string {
  return `${quoted(table.schema)}.${quoted(table.table)}`;
}
