import type { MigrationContext } from '../../statecharts/context.ts';
import { type CutoverError, named } from '../errors/index.ts';
import type { Estate } from '../estate/estate.ts';
import type { Finding } from '../ports/finding.ts';

/** One question that preflight asks. It changes nothing. */
export type Check = (estate: Estate, migration: MigrationContext) => Promise<readonly Finding[]>;

/** An error as a finding: the question could not be answered. */
export function findingFrom(failure: CutoverError): Finding {
  const error = named(failure);
  return {
    code: error.code,
    severity: 'refuse',
    message: error.message,
    remedy: error.remedy,
    evidence: error.details,
  };
}

/** Codes of a dependency that cannot be asked: many questions are put to each, and none needs its own finding of that. */
const unasked =
  /^(PLACE_UNAVAILABLE|PROXY_UNAVAILABLE|CERTIFICATE_REFUSED|DIRECTORY_UNAVAILABLE|REPLICATION_UNAVAILABLE|DMS_(CREDENTIALS_REFUSED|REGION_WRONG|INSTANCE_MISSING))$/;

/** Each dependency that cannot be asked once. */
export function onceEach(findings: readonly Finding[]): Finding[] {
  const told = new Set<string>();
  return findings.filter(({ code, message, evidence }) => {
    if (!unasked.test(code)) return true;
    const { place, proxy, homeRegion } = evidence;
    const key = `${code} ${String(place ?? proxy ?? homeRegion ?? message)}`;
    const first = !told.has(key);
    told.add(key);
    return first;
  });
}
