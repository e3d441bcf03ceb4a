import type { MigrationContext } from '../../statecharts/context.ts';
import { ShapesDifferError } from '../errors/index.ts';
import type { ColumnShape, TableShape } from '../ports/place.ts';
import { clusterOf, type Estate } from './estate.ts';

/** Type names that say the same in both dialects: display widths and MariaDB's JSON alias. */
function comparableType(column: ColumnShape): string {
  const type = column.type
    .toLowerCase()
    .replace(/\b(tinyint|smallint|mediumint|int|bigint)\(\d+\)/, '$1')
    .replace(/\byear\(4\)/, 'year');
  return type === 'json' ? 'longtext' : type;
}

/** What stands between two tables that one task is to keep equal: columns missing or of another type. */
export function shapeDifferences(source: readonly TableShape[], target: readonly TableShape[]): string[] {
  const differences: string[] = [];
  const byName = new Map(target.map((shape) => [shape.table, shape]));
  for (const shape of source) {
    const other = byName.get(shape.table);
    if (!shape.exists) differences.push(`${shape.table} is missing at the source`);
    if (other === undefined || !other.exists) differences.push(`${shape.table} is missing at the cluster`);
    if (!shape.exists || !other?.exists) continue;
    if (shape.primaryKey.join() !== other.primaryKey.join()) {
      differences.push(`${shape.table} has the primary key (${shape.primaryKey}) here and (${other.primaryKey}) there`);
    }
    const columns = new Map(other.columns.map((column) => [column.name, column]));
    for (const column of shape.columns) {
      const counterpart = columns.get(column.name);
      columns.delete(column.name);
      if (counterpart === undefined) differences.push(`${shape.table}.${column.name} is missing at the cluster`);
      else if (comparableType(column) !== comparableType(counterpart)) {
        differences.push(`${shape.table}.${column.name} is ${column.type} here and ${counterpart.type} there`);
      } else if (column.nullable !== counterpart.nullable) {
        differences.push(`${shape.table}.${column.name} is nullable on one side only`);
      }
    }
    for (const extra of columns.keys()) differences.push(`${shape.table}.${extra} is missing at the source`);
  }
  return differences;
}

/** Asks both sides again; a difference stops the move at this safe place. */
export async function assertSameShapes(estate: Estate, migration: MigrationContext): Promise<void> {
  const [source, target] = await Promise.all([
    estate.sites[0].shapes(estate.tables),
    clusterOf(estate, migration.homeRegion).shapes(estate.tables),
  ]);
  const differences = shapeDifferences(source, target);
  if (differences.length > 0) throw new ShapesDifferError(differences);
}
