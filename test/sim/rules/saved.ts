import type { World } from '../world/world.ts';
import type { Rule } from './rule.ts';

/**
 * Rule 4: a hold is never half open. What a proxy goes by stands on its disk before, so that a restart in between comes
 * back with no less. Watched where one org moves: the changes of several go over one connection and may overtake each
 * other between a save and a load, which the one that was overtaken then makes good before it counts.
 */
export function savedFirst(world: World): Rule {
  if (world.moved.length > 1) return {};
  for (const proxy of world.proxies) {
    proxy.onPublishedUnsaved(() => world.broken(4, `${proxy.name} goes by a route that a restart would forget`));
  }
  return {};
}
