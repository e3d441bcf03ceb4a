import type { Finding } from '../../../ports/finding.ts';
import { matchOf } from '../config.ts';
import { clusterSyncFindings } from './clusterSync.ts';
import { destinationFindings } from './destination.ts';
import type { ProxyFindingsInput } from './input.ts';
import { ruleFindings } from './rules.ts';
import { schemaFindings } from './schemas.ts';
import { sessionFindings } from './sessions.ts';
import { userFindings } from './users.ts';
import { versionFindings } from './version.ts';

const FINDERS: readonly ((input: ProxyFindingsInput) => Promise<readonly Finding[]>)[] = [
  versionFindings,
  clusterSyncFindings,
  userFindings,
  ruleFindings,
  schemaFindings,
  destinationFindings,
  sessionFindings,
];

/** All that stands between this proxy and the org's flip, beside the settings that every flip needs. */
export async function proxyFindings(input: Omit<ProxyFindingsInput, 'match'>): Promise<readonly Finding[]> {
  const match = matchOf(input.routing, input.org.orgId);
  const found: Finding[] = [];
  // One connection: one question after the other.
  for (const find of FINDERS) found.push(...(await find({ ...input, match })));
  return found;
}
