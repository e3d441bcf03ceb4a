import { readSchema, schemaDifferences } from '../estate/schema.ts';
import type { Check } from './finding.ts';

/** The org-owned tables have the same shape at every site and at the cluster. That one is missing, its place says. */
export const shapeFindings: Check = async (estate, migration) => {
  const schema = await readSchema(estate, migration.homeRegion);
  const missing = new Set(
    [...schema.sites, schema.cluster].flatMap(({ shapes }) =>
      shapes.filter(({ exists }) => !exists).map(({ table }) => table),
    ),
  );
  return schemaDifferences(schema)
    .filter(({ table }) => !missing.has(table))
    .map(({ table, column, text }) => ({
      code: 'SHAPES_DIFFER',
      severity: 'refuse' as const,
      message: text,
      remedy: 'Bring the table to the same shape on both sides.',
      evidence: { table, column, difference: text },
    }));
};
