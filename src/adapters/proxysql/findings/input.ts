import type { CatalogueTables, RouteOwner } from '../../../ports/routing.ts';
import type { AdminSession } from '../admin.ts';
import type { OrgMatch, RoutingConfig } from '../config.ts';

/** What a finder is given. It only looks. */
export interface ProxyFindingsInput {
  readonly proxy: string;
  readonly admin: AdminSession;
  readonly routing: RoutingConfig;
  readonly org: Pick<RouteOwner, 'orgId' | 'homeRegion'>;
  /** What tells the org's queries from others. */
  readonly match: OrgMatch;
  readonly catalogue: CatalogueTables;
  readonly signal: AbortSignal | undefined;
}
