import type { World } from '../world/world.ts';
import type { Routes } from './routes.ts';
import type { Rule } from './rule.ts';

/**
 * For rule 2: when an attempt has been decided, no proxy sends the org's reads to the side that is left; else somebody
 * could read there what somebody else has changed on the other side already. One that is dead comes back from its disk.
 */
export function parkedAtCommit(world: World, routes: Routes): Rule {
  const states = new Map<number, string>();
  return {
    look() {
      for (const { orgId } of world.moved) {
        const state = world.stateOf(orgId);
        const before = states.get(orgId);
        if (state === before) continue;
        states.set(orgId, state);
        if (!state.endsWith('.release') || before?.endsWith('.commit') !== true) continue;
        for (const proxy of world.proxies) {
          if (proxy.process.state === 'dead') continue;
          const side = routes.readSideAt(proxy, orgId);
          const isLeft = state.startsWith('flipping.') ? side === 'source' : side !== 'source' && side !== 'held';
          if (isLeft)
            world.broken(2, `the flip of org ${orgId} is decided while ${proxy.name} sends its reads to ${side}`);
        }
      }
    },
  };
}
