import type { World } from '../world/world.ts';
import type { Rule } from './rule.ts';

/** Steps that live in a controller's memory alone: nobody takes over an org in one of them. */
const held = /^flipping\.(drain|fence|marker|pinViews|parkReads)$/;

/** Of rule 4, that a hold is short: a controller holds no more orgs at once than it may, on their way to a cluster. */
export function turns(world: World): Rule {
  return {
    look() {
      for (const controller of world.controllers) {
        const holds = world.moved.filter(({ orgId }) => {
          const journal = world.journalOf(orgId);
          return journal !== null && held.test(controller.stateOf(journal.id) ?? '');
        });
        if (holds.length <= world.choice.flipsAtOnce) continue;
        world.broken(4, `${controller.name} holds ${holds.map(({ orgId }) => orgId).join(', ')} at once`);
      }
    },
  };
}
