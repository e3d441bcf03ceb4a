import { clusterOf } from '../estate/estate.ts';
import { shapeDifferences } from '../estate/shapes.ts';
import type { Check } from './finding.ts';

/** The org-owned tables have the same shape on both sides. */
export const shapeFindings: Check = async (estate, migration) => {
  const [source, target] = await Promise.all([
    estate.sites[0].shapes(estate.tables),
    clusterOf(estate, migration.homeRegion).shapes(estate.tables),
  ]);
  return shapeDifferences(source, target).map((difference) => ({
    code: 'SHAPES_DIFFER',
    severity: 'refuse' as const,
    message: difference,
    remedy: 'Bring the table to the same shape on both sides.',
    evidence: { difference },
  }));
};
