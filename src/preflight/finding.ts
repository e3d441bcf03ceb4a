import type { MigrationContext } from '../../statecharts/context.ts';
import type { CutoverError } from '../errors/index.ts';
import type { Estate } from '../estate/estate.ts';
import type { Finding } from '../ports/finding.ts';

/** One question that preflight asks. It changes nothing. */
export type Check = (estate: Estate, migration: MigrationContext) => Promise<readonly Finding[]>;

/** An error as a finding: the question could not be answered. */
export function findingFrom(error: CutoverError): Finding {
  return {
    code: error.code,
    severity: 'refuse',
    message: error.message,
    remedy: error.remedy,
    evidence: error.details,
  };
}
