import { readSchema, schemaDifferences } from '../estate/schema.ts';
import type { Check } from './finding.ts';

/** The org-owned tables have the same shape at every site and at the cluster. */
export const shapeFindings: Check = async (estate, migration) => {
  const schema = await readSchema(estate, migration.homeRegion);
  return schemaDifferences(schema).map(({ table, column, text }) => ({
    code: 'SHAPES_DIFFER',
    severity: 'refuse' as const,
    message: text,
    remedy: 'Bring the table to the same shape on both sides.',
    evidence: { table, column, difference: text },
  }));
};
