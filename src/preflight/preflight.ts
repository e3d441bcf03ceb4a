import type { MigrationContext } from '../../statecharts/context.ts';
import { CutoverError, PreflightTimeoutError } from '../errors/index.ts';
import type { Estate } from '../estate/estate.ts';
import { within } from '../estate/within.ts';
import type { Finding } from '../ports/finding.ts';
import { asked } from './asked.ts';
import { attributionFindings } from './attribution.ts';
import { retentionFindings } from './binlogRetention.ts';
import { catalogueFindings } from './catalogue.ts';
import { clockFindings } from './clocks.ts';
import { comparableFindings } from './comparable.ts';
import { destinationFindings } from './destination.ts';
import { dmsAccountFindings } from './dmsAccounts.ts';
import { eventFindings } from './events.ts';
import { type Check, findingFrom, onceEach } from './finding.ts';
import { gtidDomainFindings } from './gtidDomains.ts';
import { idFindings } from './ids.ts';
import { operationFindings } from './operation.ts';
import { packetFindings } from './packets.ts';
import { parityFindings } from './parity.ts';
import { placeFindings } from './places.ts';
import { privilegeFindings } from './privileges.ts';
import { proxyFindings } from './proxies.ts';
import { regionFindings } from './region.ts';
import { replicationFindings } from './replication.ts';
import { shapeFindings } from './shapes.ts';
import { sqlModeFindings } from './sqlModes.ts';
import { statementFindings } from './statements.ts';
import { strayStatementFindings } from './strayStatements.ts';
import { targetFindings } from './target.ts';
import { techTableFindings } from './techTables.ts';
import { triggerFindings } from './triggers.ts';
import { uniqueKeyFindings } from './uniqueKeys.ts';

/** By what each question is about. */
const checks: Readonly<Record<string, Check>> = {
  'the home region': regionFindings,
  'sites and cluster': placeFindings,
  ids: idFindings,
  'unique keys': uniqueKeyFindings,
  'triggers of the tables': triggerFindings,
  'scheduled events': eventFindings,
  'the catalogue': catalogueFindings,
  'the tech tables': techTableFindings,
  'the shapes of the tables': shapeFindings,
  'the tables’ definitions': parityFindings,
  'whether the tables can be compared': comparableFindings,
  'rows at the target': targetFindings,
  'how long binlogs are kept': retentionFindings,
  'GTID domains': gtidDomainFindings,
  'SQL modes': sqlModeFindings,
  'the size of values': packetFindings,
  'privileges of the accounts': privilegeFindings,
  'the clocks': clockFindings,
  'backups, disks and undo': operationFindings,
  DMS: replicationFindings,
  'the accounts of DMS': dmsAccountFindings,
  'the proxies': proxyFindings,
  'the statements of the clients': attributionFindings,
  'statements without an org': strayStatementFindings,
  'the org’s way into the cluster': destinationFindings,
  'what the cluster makes of the org’s statements': statementFindings,
};

/**
 * Asks everything and lists every finding, not the first. What cannot be asked is a finding itself, and so is what was
 * not answered within the time (milliseconds), if one is given.
 */
export async function preflight(estate: Estate, migration: MigrationContext, withinMs?: number): Promise<Finding[]> {
  const answers = await Promise.allSettled(
    Object.entries(checks).map(([subject, check]) => {
      const question = asked(estate.clock, () => check(estate, migration));
      if (withinMs === undefined) return question;
      return within(estate.clock, withinMs, question, () => new PreflightTimeoutError(subject, withinMs));
    }),
  );
  return onceEach(
    answers.flatMap((answer) => {
      if (answer.status === 'fulfilled') return [...answer.value];
      if (answer.reason instanceof CutoverError) return [findingFrom(answer.reason)];
      throw answer.reason;
    }),
  );
}
