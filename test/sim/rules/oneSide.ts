import type { World } from '../world/world.ts';
import type { Routes } from './routes.ts';
import { changes, type Rule } from './rule.ts';

/** Rule 2: no two proxies send an org's writes to different sides, and at most one side's fence is open to clients. */
export function oneSide(world: World, routes: Routes): Rule {
  const committed = changes(() => world.databases.commits());
  const rerouted = changes(() => routes.version);
  const fences = () => {
    for (const { orgId } of world.choice.orgs) {
      const open = openSides(world, orgId);
      if (open.length > 1) world.broken(2, `the fences of org ${orgId} are open to clients at ${open.join(' and ')}`);
    }
  };
  return {
    look() {
      if (committed()) fences();
      if (!rerouted()) return;
      for (const { orgId } of world.choice.orgs) {
        const sides = new Map<string, string>();
        for (const proxy of world.proxies) {
          if (proxy.process.state === 'dead') continue;
          const side = routes.sideAt(proxy, orgId);
          if (side === 'several') world.broken(2, `${proxy.name} sends writes of org ${orgId} to several sides`);
          if (side !== 'held') sides.set(side, proxy.name);
        }
        if (sides.size > 1) {
          const where = [...sides].map(([side, proxy]) => `${proxy} to ${side}`).join(', ');
          world.broken(2, `writes of org ${orgId} go to different sides: ${where}`);
        }
      }
    },
  };
}

/** Sides at which clients may write the org. */
export function openSides(world: World, orgId: number): string[] {
  const { sites, clusters } = world.databases;
  const open: string[] = [];
  if (sites.some((site) => site.fenceWriter(orgId) === 'clients')) open.push('source');
  for (const cluster of clusters.values()) if (cluster.fenceWriter(orgId) === 'clients') open.push(cluster.name);
  return open;
}
