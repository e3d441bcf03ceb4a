import type { World } from '../world/world.ts';
import type { Rule } from './rule.ts';

/** Rule 8: rows are deleted on a side only when no task that reads that side exists any more, not even a stopped one. */
export function purges(world: World): Rule {
  const sites = new Set(world.databases.sites.map(({ name }) => name));
  world.databases.onPurge(({ place, orgId, rows }) => {
    for (const task of world.databases.tasks()) {
      if (task.orgId !== orgId) continue;
      // Deletes at one site reach the other, and the task's.
      const reads = task.reads === place || (sites.has(task.reads) && sites.has(place));
      if (reads)
        world.broken(
          8,
          `${rows} rows of org ${orgId} were deleted at ${place} while task ${task.id} (${task.status}) reads it`,
        );
    }
  });
  return {};
}
