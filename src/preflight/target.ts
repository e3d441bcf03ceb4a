import { TargetNotEmptyError } from '../errors/index.ts';
import { clusterOf } from '../estate/estate.ts';
import { type Check, findingFrom } from './finding.ts';

/** The cluster holds no row of the org before the first task: somebody else's would be found as extra after the flip. */
export const targetFindings: Check = async (estate, migration) => {
  if (migration.replicationTries > 0) return [];
  const cluster = clusterOf(estate, migration.homeRegion);
  const shapes = await cluster.shapes(estate.tables);
  const there = new Set(shapes.filter(({ exists }) => exists).map(({ table }) => table));
  const tables = estate.tables.filter(({ table }) => there.has(table));
  const filled = (await cluster.counts(tables, migration.orgId)).filter(({ rows }) => rows > 0);
  if (filled.length === 0) return [];
  return [findingFrom(new TargetNotEmptyError(migration.orgId, cluster.name, filled))];
};
