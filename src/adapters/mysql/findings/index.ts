import type { OrgTable, PlaceFinding } from '../../../ports/place.ts';
import type { PlaceContext } from '../context.ts';
import type { Session } from '../session.ts';
import { fenceFindings } from './fence.ts';
import { replicationFindings } from './replication.ts';
import { serverFindings } from './server.ts';
import { tableFindings } from './tables.ts';

/** What a finder is given. It only looks. */
export interface FindingsInput {
  readonly context: PlaceContext;
  readonly session: Session;
  readonly tables: readonly OrgTable[];
  readonly orgId: number;
}

const FINDERS: readonly ((input: FindingsInput) => Promise<readonly PlaceFinding[]>)[] = [
  serverFindings,
  replicationFindings,
  tableFindings,
  fenceFindings,
];

/** All that stands between the place and its use for the org, not the first only. */
export function findings(
  context: PlaceContext,
  tables: readonly OrgTable[],
  orgId: number,
): Promise<readonly PlaceFinding[]> {
  return context.bulk.use('looking for what stands in the way', async (session) => {
    const found: PlaceFinding[] = [];
    for (const find of FINDERS) found.push(...(await find({ context, session, tables, orgId })));
    return found;
  });
}
