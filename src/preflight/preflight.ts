import type { MigrationContext } from '../../statecharts/context.ts';
import { CutoverError } from '../errors/index.ts';
import type { Estate } from '../estate/estate.ts';
import type { Finding } from '../ports/finding.ts';
import { attributionFindings } from './attribution.ts';
import { comparableFindings } from './comparable.ts';
import { type Check, findingFrom } from './finding.ts';
import { placeFindings } from './places.ts';
import { proxyFindings } from './proxies.ts';
import { regionFindings } from './region.ts';
import { replicationFindings } from './replication.ts';
import { shapeFindings } from './shapes.ts';
import { targetFindings } from './target.ts';

const checks: readonly Check[] = [
  regionFindings,
  placeFindings,
  shapeFindings,
  comparableFindings,
  targetFindings,
  replicationFindings,
  proxyFindings,
  attributionFindings,
];

/** Asks everything and lists every finding, not the first. What cannot be asked is a finding itself. */
export async function preflight(estate: Estate, migration: MigrationContext): Promise<Finding[]> {
  const answers = await Promise.allSettled(checks.map((check) => check(estate, migration)));
  return answers.flatMap((answer) => {
    if (answer.status === 'fulfilled') return [...answer.value];
    if (answer.reason instanceof CutoverError) return [findingFrom(answer.reason)];
    throw answer.reason;
  });
}
