import { planTable } from '../adapters/comparison/plan.ts';
import type { OrgTable, TableShape } from '../ports/place.ts';
import { IncomparableTableError, UnorderableKeyError } from './errors.ts';

/**
 * What stands in the way of a comparison, every table's: no primary key, different columns, types that cannot be
 * compared, keys that cannot be ordered. Empty when all tables can be compared. Asks no database.
 */
export function incomparableTables(
  tables: readonly OrgTable[],
  source: readonly TableShape[],
  target: readonly TableShape[],
): readonly (IncomparableTableError | UnorderableKeyError)[] {
  return tables.flatMap((table) => {
    try {
      planTable(table, source, target);
      return [];
    } catch (error) {
      if (error instanceof IncomparableTableError || error instanceof UnorderableKeyError) return [error];
      throw error;
    }
  });
}
