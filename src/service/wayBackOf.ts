import type { MigrationContext } from '../../statecharts/context.ts';
import { isStuckOnCluster, wayBackFrom } from '../returnPath/wayBack.ts';
import { toldAge } from './ages.ts';
import type { OrderName, WayBack } from './status.ts';

const wait: WayBack['choices'][number] = {
  command: 'retry',
  acceptLoss: false,
  role: 'operator',
  means: 'wait on: the org goes back without loss as soon as the way back is in step',
};
const stay: WayBack['choices'][number] = {
  command: 'resume',
  acceptLoss: false,
  role: 'operator',
  means: 'stay on the cluster under watch; nothing completes by itself',
};
const complete: WayBack['choices'][number] = {
  command: 'complete',
  acceptLoss: false,
  role: 'approver',
  means: 'stay on the cluster for good: the way back is given up',
};
const lose: WayBack['choices'][number] = {
  command: 'rollback',
  acceptLoss: true,
  role: 'approver',
  means: 'go back all the same: what has not travelled is exported to a file and stays behind',
};

/**
 * What somebody has to know who decides about an org that cannot go back, and until when its age is told so; null where
 * there is nothing to decide.
 */
export function wayBackOf(
  record: unknown,
  { state, sinceMs, nowMs }: { state: string; sinceMs: number; nowMs: number },
  migration: MigrationContext,
  may: (order: OrderName) => boolean,
): { shown: WayBack | null; untilMs: number } {
  if (!isStuckOnCluster(state, migration)) return { shown: null, untilMs: Number.POSITIVE_INFINITY };
  const seen = wayBackFrom(record);
  const age = seen.lagSeenAt === null ? null : toldAge(Date.parse(seen.lagSeenAt), nowMs);
  return {
    shown: {
      ...seen,
      lagAgeMs: age?.ageMs ?? null,
      tries: migration.tries,
      since: new Date(sinceMs).toISOString(),
      choices: [wait, stay, complete, lose].filter(({ command, acceptLoss }) =>
        may(acceptLoss ? 'acceptLoss' : command),
      ),
    },
    untilMs: age?.untilMs ?? Number.POSITIVE_INFINITY,
  };
}
