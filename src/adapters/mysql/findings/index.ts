import type { Finding } from '../../../ports/finding.ts';
import type { OrgTable } from '../../../ports/place.ts';
import type { PlaceContext } from '../context.ts';
import { fenceFindings } from './fence.ts';
import type { FindingsInput } from './input.ts';
import { replicationFindings } from './replication.ts';
import { serverFindings } from './server.ts';
import { tableFindings } from './tables.ts';

const FINDERS: readonly ((input: FindingsInput) => Promise<readonly Finding[]>)[] = [
  serverFindings,
  replicationFindings,
  tableFindings,
  fenceFindings,
];

/** All that stands between the place and its use for the org, not the first only. */
export function findings(
  context: PlaceContext,
  host: string,
  tables: readonly OrgTable[],
  orgId: number,
): Promise<readonly Finding[]> {
  return context.bulk.use('looking for what stands in the way', async (session) => {
    const found: Finding[] = [];
    for (const find of FINDERS) found.push(...(await find({ context, host, session, tables, orgId })));
    return found;
  });
}
