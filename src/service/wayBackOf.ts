import type { MigrationContext } from '../../statecharts/context.ts';
import type { Estate } from '../estate/estate.ts';
import { isStuckOnCluster, readWayBack } from '../returnPath/wayBack.ts';
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

/** What somebody has to know who decides about an org that cannot go back; null where there is nothing to decide. */
export async function wayBackOf(
  { store, clock }: Estate,
  state: string,
  sinceMs: number,
  migration: MigrationContext,
  may: (order: OrderName) => boolean,
): Promise<WayBack | null> {
  if (!isStuckOnCluster(state, migration)) return null;
  const record = await readWayBack(store, migration.migrationId);
  return {
    ...record,
    lagAgeMs: record.lagSeenAt === null ? null : Math.max(0, clock.nowMs() - Date.parse(record.lagSeenAt)),
    tries: migration.tries,
    since: new Date(sinceMs).toISOString(),
    choices: [wait, stay, complete, lose].filter(({ command, acceptLoss }) => may(acceptLoss ? 'acceptLoss' : command)),
  };
}
