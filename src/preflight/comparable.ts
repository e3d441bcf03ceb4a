import { readSchema } from '../estate/schema.ts';
import { comparableType } from '../estate/shapes.ts';
import { incomparableTables, keysOrderedApart } from '../verification/index.ts';
import { type Check, findingFrom } from './finding.ts';

/**
 * Every org-owned table can be compared, row by row: each has a primary key that both sides order alike. What the shapes
 * differ in is told beside this, and not told twice.
 */
export const comparableFindings: Check = async (estate, migration) => {
  const { sites, cluster } = await readSchema(estate, migration.homeRegion);
  const source = sites[0]?.shapes ?? [];
  const told = new Set(
    source
      .filter((shape) => {
        const other = cluster.shapes.find(({ table }) => table === shape.table);
        const columns = (one: typeof shape) =>
          one.columns.map(({ name, type }) => `${name} ${comparableType(type)}`).sort();
        return !shape.exists || !other?.exists || columns(shape).join() !== columns(other).join();
      })
      .map(({ table }) => table),
  );
  const tables = estate.tables.filter(({ table }) => !told.has(table));
  const incomparable = incomparableTables(tables, source, cluster.shapes);
  const apart = keysOrderedApart(tables, source, cluster.shapes);
  return [...incomparable, ...apart].map(findingFrom);
};
