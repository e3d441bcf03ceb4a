import { TaskFailedError } from '../errors/index.ts';
import type { Place } from '../ports/place.ts';
import { pseudoOrgId, type Replication, type TaskPlan, type TaskRef } from '../ports/replication.ts';

/** The region's task of the pseudo org: always the same one, whoever makes it first. */
function refOf(homeRegion: string): TaskRef {
  return { orgId: pseudoOrgId, homeRegion, direction: 'reverse', generation: 1 };
}

/**
 * Has the region's task running. Any number of controllers may do this at once: its id is one, so there is one task. One
 * that failed is made anew: it carries nothing that could be lost, and begins at the cluster's position of now.
 */
export async function carryingTask(
  replication: Replication,
  cluster: Place,
  homeRegion: string,
  signal: AbortSignal,
): Promise<void> {
  const ref = refOf(homeRegion);
  const state = await replication.observe(ref);
  if (state?.status === 'running' && state.erroredTables.length === 0) return;
  const start = async () => {
    const plan: TaskPlan = { ref, tables: [], heartbeatSites: [cluster.name], largestLobBytes: 0 };
    await replication.ensureTask(plan, signal);
    await replication.ensureStarted(ref, await cluster.binlogPosition(signal), signal);
  };
  try {
    if (state !== null && state.erroredTables.length > 0) {
      throw new TaskFailedError(`reverse of org ${pseudoOrgId}`, `tables in error: ${state.erroredTables.join(', ')}`);
    }
    await start();
  } catch (error) {
    if (!(error instanceof TaskFailedError)) throw error;
    await replication.ensureGone(ref, signal);
    await start();
  }
}
