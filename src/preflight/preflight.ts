import type { MigrationContext } from '../../statecharts/context.ts';
import { CutoverError, PreflightTimeoutError } from '../errors/index.ts';
import type { Estate } from '../estate/estate.ts';
import type { Finding } from '../ports/finding.ts';
import { attributionFindings } from './attribution.ts';
import { catalogueFindings } from './catalogue.ts';
import { comparableFindings } from './comparable.ts';
import { type Check, findingFrom } from './finding.ts';
import { placeFindings } from './places.ts';
import { proxyFindings } from './proxies.ts';
import { regionFindings } from './region.ts';
import { replicationFindings } from './replication.ts';
import { shapeFindings } from './shapes.ts';
import { targetFindings } from './target.ts';

/** By what each question is about. */
const checks: Readonly<Record<string, Check>> = {
  'the home region': regionFindings,
  'sites and cluster': placeFindings,
  'the catalogue': catalogueFindings,
  'the shapes of the tables': shapeFindings,
  'whether the tables can be compared': comparableFindings,
  'rows at the target': targetFindings,
  DMS: replicationFindings,
  'the proxies': proxyFindings,
  'the statements of the clients': attributionFindings,
};

/**
 * Asks everything and lists every finding, not the first. What cannot be asked is a finding itself, and so is what was
 * not answered within the time (milliseconds), if one is given.
 */
export async function preflight(estate: Estate, migration: MigrationContext, withinMs?: number): Promise<Finding[]> {
  const answers = await Promise.allSettled(
    Object.entries(checks).map(([subject, check]) => within(estate, subject, withinMs, check(estate, migration))),
  );
  return answers.flatMap((answer) => {
    if (answer.status === 'fulfilled') return [...answer.value];
    if (answer.reason instanceof CutoverError) return [findingFrom(answer.reason)];
    throw answer.reason;
  });
}

async function within<T>(
  { clock }: Pick<Estate, 'clock'>,
  subject: string,
  withinMs: number | undefined,
  question: Promise<T>,
): Promise<T> {
  if (withinMs === undefined) return question;
  const answered = new AbortController();
  const late = clock.sleep(withinMs, answered.signal).then(() => {
    throw new PreflightTimeoutError(subject, withinMs);
  });
  try {
    return await Promise.race([question, late]);
  } finally {
    late.catch(() => {});
    answered.abort(new Error('no longer waited for'));
  }
}
