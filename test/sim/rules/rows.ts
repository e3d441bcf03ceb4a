import { agrees } from '../clients/ledger.ts';
import { tables } from '../world/choice.ts';
import type { WorldPlace } from '../world/databases.ts';
import type { World } from '../world/world.ts';
import { openSides } from './oneSide.ts';
import type { Routes } from './routes.ts';
import type { Rule } from './rule.ts';

/**
 * Rules 1 and 7: what clients were told is stored is on the side that serves at the end; after a way back too. While the
 * way back is open, the sites have it as well.
 */
export function rows(world: World, routes: Routes): Rule {
  return {
    atRest() {
      for (const org of world.moved) {
        const journal = world.journalOf(org.orgId);
        const onCluster = journal?.serving === 'cluster';
        const cluster = world.databases.clusters.get(org.homeRegion);
        if (cluster === undefined) throw new RangeError(`no cluster in ${org.homeRegion}`);
        const serving = onCluster ? cluster.name : 'source';
        const open = openSides(world, org.orgId);
        const what = `org ${org.orgId}, which ${serving} serves (${journal?.state ?? 'never moved'})`;
        if (open.join() !== serving) world.broken(2, `${what}: its fences are open at ${open.join() || 'no side'}`);
        for (const proxy of world.proxies) {
          const side = routes.sideAt(proxy, org.orgId);
          if (side !== serving) world.broken(2, `${what}: ${proxy.name} sends its writes to ${side}`);
        }
        compare(world, org.orgId, onCluster ? [cluster] : world.databases.sites, 1, what);
        if (wayBackIsOpen(world, org.orgId, journal?.state)) {
          compare(world, org.orgId, world.databases.sites, 7, `${what}, on the way back`);
        }
      }
    },
  };
}

/** Whether everything written at the cluster should have come to the sites by now. */
function wayBackIsOpen(world: World, orgId: number, state: string | undefined): boolean {
  if (state?.startsWith('soaking') !== true) return false;
  const reverse = world.databases
    .tasks()
    .find((task) => task.orgId === orgId && task.writes === world.databases.sites[0]?.name);
  return reverse?.status === 'running';
}

function compare(world: World, orgId: number, places: readonly WorldPlace[], rule: number, what: string): void {
  for (const place of places) {
    const stored = new Map(tables.map((table) => [table as string, place.versions(table, orgId)]));
    for (const row of world.ledger.rows(orgId)) {
      const found = stored.get(row.table)?.get(row.id) ?? null;
      if (agrees(row, found)) continue;
      world.broken(
        rule,
        `${what}: ${row.table} ${row.id} of ${row.writer} is ${found} at ${place.name}, acknowledged was ${row.settled} by ${row.ackedBy}`,
      );
      return;
    }
  }
}
