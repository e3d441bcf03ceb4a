import type { ColumnShape, TableShape } from '../ports/place.ts';
import { holdsEverything } from './columnRoom.ts';

/** The org-owned tables as one place has them. */
export interface PlaceShapes {
  readonly place: string;
  readonly shapes: readonly TableShape[];
}

/** One thing in which two tables differ that one task is to keep equal. */
export interface ShapeDifference {
  readonly table: string;
  /** Null where it is about the whole table. */
  readonly column: string | null;
  readonly text: string;
  /** The site can hold all that the cluster may hold: going back loses nothing by this. */
  readonly keptOnReturn: boolean;
}

/** Type names that say the same in both dialects: display widths and MariaDB's JSON alias. */
export function comparableType(type: string): string {
  const plain = type
    .toLowerCase()
    .replace(/\b(tinyint|smallint|mediumint|int|bigint)\(\d+\)/, '$1')
    .replace(/\byear\(4\)/, 'year');
  return plain === 'json' ? 'longtext' : plain;
}

/** What stands between a site's tables and a cluster's: tables, keys or columns missing, or of another type. */
export function shapeDifferences(site: PlaceShapes, cluster: PlaceShapes): ShapeDifference[] {
  const differences: ShapeDifference[] = [];
  const byName = new Map(cluster.shapes.map((shape) => [shape.table, shape]));
  for (const shape of site.shapes) {
    const other = byName.get(shape.table);
    const { table } = shape;
    const missingAt = [...(shape.exists ? [] : [site]), ...(other?.exists ? [] : [cluster])];
    for (const { place } of missingAt) {
      differences.push({ table, column: null, text: `${table} is missing at ${place}`, keptOnReturn: false });
    }
    if (missingAt.length > 0 || other === undefined) continue;
    if (shape.primaryKey.join() !== other.primaryKey.join()) {
      const text = `${table} has the primary key (${shape.primaryKey}) at ${site.place} and (${other.primaryKey}) at ${cluster.place}`;
      differences.push({ table, column: null, text, keptOnReturn: false });
    }
    differences.push(...columnDifferences(site, cluster, shape, other));
  }
  return differences;
}

function columnDifferences(
  { place: site }: PlaceShapes,
  { place: cluster }: PlaceShapes,
  here: TableShape,
  there: TableShape,
): ShapeDifference[] {
  const { table } = here;
  const counterparts = new Map(there.columns.map((column) => [column.name, column]));
  const found: ShapeDifference[] = [];
  const differs = (column: string, what: string, keptOnReturn: boolean) =>
    found.push({ table, column, text: `${table}.${column} ${what}`, keptOnReturn });
  for (const column of here.columns) {
    const { name } = column;
    const counterpart = counterparts.get(name);
    counterparts.delete(name);
    if (counterpart === undefined) differs(name, `is missing at ${cluster}`, true);
    else if (comparableType(column.type) !== comparableType(counterpart.type)) {
      const what = `is ${column.type} at ${site} and ${counterpart.type} at ${cluster}`;
      differs(name, what, holdsEverything(comparableType(column.type), comparableType(counterpart.type)));
    }
    if (counterpart !== undefined && column.nullable !== counterpart.nullable) {
      differs(name, `is nullable at ${column.nullable ? site : cluster} only`, column.nullable);
    }
  }
  for (const extra of counterparts.values()) differs(extra.name, `is missing at ${site}`, extra.generated);
  return found;
}

/** What changed at one place since another look, each naming its table and column. */
export function shapeChanges(place: string, before: readonly TableShape[], now: readonly TableShape[]): string[] {
  const changes: string[] = [];
  const earlier = new Map(before.map((shape) => [shape.table, shape]));
  for (const shape of now) {
    const was = earlier.get(shape.table);
    if (was === undefined) continue;
    const at = `${place}: ${shape.table}`;
    if (was.exists !== shape.exists) {
      changes.push(`${at} was ${shape.exists ? 'created' : 'dropped'}`);
      continue;
    }
    if (was.primaryKey.join() !== shape.primaryKey.join()) {
      changes.push(`${at} has the primary key (${shape.primaryKey}), it was (${was.primaryKey})`);
    }
    const columns = new Map(was.columns.map((column) => [column.name, column]));
    for (const column of shape.columns) {
      const old = columns.get(column.name);
      columns.delete(column.name);
      if (old === undefined) changes.push(`${at}.${column.name} was added`);
      else if (columnText(old) !== columnText(column)) {
        changes.push(`${at}.${column.name} is ${columnText(column)}, it was ${columnText(old)}`);
      }
    }
    for (const gone of columns.keys()) changes.push(`${at}.${gone} was dropped`);
  }
  return changes;
}

function columnText({ type, nullable, characterSet, collation, generated }: ColumnShape): string {
  return [type, nullable ? 'null' : 'not null', characterSet, collation, generated ? 'generated' : null]
    .filter((part) => part !== null)
    .join(' ');
}
