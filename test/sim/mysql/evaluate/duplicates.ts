import { keyText, type Value } from '../sql/value.ts';
import { currentOf, type Row, type Table } from '../storage/table.ts';
import type { Reader } from './environment.ts';

/** A row that is in the way of another. */
export interface Duplicate {
  readonly row: Row;
  readonly values: readonly Value[];
  readonly index: string;
  readonly key: string;
}

/** A row that has one of the new row's unique values; waits for those who have not made up their minds about it. */
export function duplicateOf(
  table: Table,
  after: readonly Value[],
  reader: Reader,
  toChange: boolean,
  besides?: Row,
): Duplicate | null {
  const key = table.keyOf(after);
  const own = table.rowAt(key);
  const candidates: { row: Row; index: string; key: string; columns: readonly number[] }[] = [];
  if (own !== undefined) candidates.push({ row: own, index: 'PRIMARY', key, columns: table.primary });
  for (const [at, { name, columns }] of table.unique.entries()) {
    const values = columns.map((column) => after[column] ?? null);
    if (values.includes(null)) continue;
    const unique = keyText(values);
    for (const row of table.rowsWithUnique(at, unique)) candidates.push({ row, index: name, key: unique, columns });
  }
  for (const { row, index, key: value, columns } of candidates) {
    if (row === besides) continue;
    const same = (state: readonly Value[] | null) =>
      state !== null && keyText(columns.map((column) => state[column] ?? null)) === value;
    if (!currentOf(row, reader.transaction).some(same)) continue;
    reader.lock(row, toChange ? 'exclusive' : 'shared');
    const [now] = currentOf(row, reader.transaction);
    if (now && same(now)) return { row, values: now, index, key: value };
  }
  return null;
}
