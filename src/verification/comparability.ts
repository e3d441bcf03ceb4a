import { planTable } from '../adapters/comparison/plan.ts';
import type { ColumnShape, OrgTable, TableShape } from '../ports/place.ts';
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

/**
 * Keys that both sides do not order alike, because their text has another collation or their members another order:
 * what is one key at one side may be two at the other. A comparison could still be made, the other way round rows
 * could collide.
 */
export function keysOrderedApart(
  tables: readonly OrgTable[],
  source: readonly TableShape[],
  target: readonly TableShape[],
): readonly UnorderableKeyError[] {
  return tables.flatMap(({ table }) => {
    const [here, there] = [source, target].map((shapes) => shapes.find((shape) => shape.table === table));
    return (here?.primaryKey ?? []).flatMap((column) => {
      const [mine, other] = [here, there].map((shape) =>
        shape?.columns.find(({ name }) => name.toLowerCase() === column.toLowerCase()),
      );
      if (mine === undefined || other === undefined || orderOf(mine) === orderOf(other)) return [];
      return [
        new UnorderableKeyError(table, column, [`${mine.type} ${mine.collation}`, `${other.type} ${other.collation}`]),
      ];
    });
  });
}

/** What decides how a text column is ordered; the same for everything else. */
function orderOf({ type, collation }: ColumnShape): string {
  const members = /^(enum|set)\b/i.test(type) ? type : '';
  // The same character set has two names.
  return `${members} ${(collation ?? '').toLowerCase().replace(/^utf8_/, 'utf8mb3_')}`.trim();
}
