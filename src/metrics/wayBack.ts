import type { MigrationContext } from '../../statecharts/context.ts';
import type { OwnedOrg } from './orgs.ts';

/** Where a stopped move goes on with the way back that it had begun. */
const goingBack: ReadonlySet<MigrationContext['resumeAt']> = new Set([
  'rollingBack',
  'settlingBack',
  'comparingBack',
  'exportingLast',
]);

/** Whether a step begins a way back; one that stopped and goes on is the same. */
export function beganGoingBack(before: Pick<OwnedOrg, 'state' | 'context'>, state: string): boolean {
  if (!state.startsWith('rollingBack') || before.state.startsWith('rollingBack')) return false;
  return before.state !== 'needsOperator' || !goingBack.has(before.context.resumeAt);
}

/** What began a way back: a person, or the guard or comparison whose code the move has as its reason. */
export function reasonOf({ returnRequested, lossAccepted, reason }: MigrationContext): string {
  if (returnRequested !== null || lossAccepted) return 'REQUESTED';
  return reason?.code ?? 'UNKNOWN';
}
