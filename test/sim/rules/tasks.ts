import type { World } from '../world/world.ts';
import type { Rule } from './rule.ts';

/** A task starts and ends in more events than this: looks are that far apart. */
const everyEvents = 15;
const working: ReadonlySet<string> = new Set(['starting', 'running']);

/**
 * For rules 1 and 7: a reverse task is not started while the org's forward one exists, not even stopped. It can be
 * resumed, by DMS or by a lost reply, and would put old images over new rows. One that was never started can not: a
 * create that arrives twice, the second time after the deletion, leaves one that carries nothing.
 */
export function oneTaskAtATime(world: World): Rule {
  const sites = new Set(world.databases.sites.map(({ name }) => name));
  let looks = 0;
  return {
    look() {
      if (++looks % everyEvents !== 0) return;
      const tasks = world.databases.tasks();
      for (const reverse of tasks) {
        if (!sites.has(reverse.writes) || !working.has(reverse.status)) continue;
        const forward = tasks.find((one) => one.orgId === reverse.orgId && !sites.has(one.writes) && one.everRan);
        if (forward === undefined) continue;
        world.broken(7, `task ${reverse.id} is ${reverse.status} while ${forward.id} exists (${forward.status})`);
      }
    },
  };
}
