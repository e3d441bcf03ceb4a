import type { OrgTable } from '../../../ports/place.ts';
import type { PlaceContext } from '../context.ts';
import type { Session } from '../session.ts';

/** What a finder is given. It only looks. */
export interface FindingsInput {
  readonly context: PlaceContext;
  /** As configured. */
  readonly host: string;
  readonly session: Session;
  readonly tables: readonly OrgTable[];
  readonly orgId: number;
}
