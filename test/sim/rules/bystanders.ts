import { agrees } from '../clients/ledger.ts';
import { tables } from '../world/choice.ts';
import type { World } from '../world/world.ts';
import type { Routes } from './routes.ts';
import { changes, type Rule } from './rule.ts';

/** Rule 3: an org that nobody moves keeps its routes, its fence and its rows. */
export function bystanders(world: World, routes: Routes): Rule {
  const orgs = world.choice.orgs.filter(({ bystander }) => bystander).map(({ orgId }) => orgId);
  const committed = changes(() => world.databases.commits());
  const rerouted = changes(() => routes.version);
  const fences = () => {
    for (const orgId of orgs) {
      for (const site of world.databases.sites) {
        const writer = site.fenceWriter(orgId);
        if (writer !== 'clients')
          world.broken(3, `the fence of org ${orgId}, which nobody moves, is ${writer} at ${site.name}`);
      }
    }
  };
  return {
    look() {
      if (committed()) fences();
      if (!rerouted()) return;
      for (const orgId of orgs) {
        for (const proxy of world.proxies) {
          if (proxy.process.state === 'dead') continue;
          const side = routes.sideAt(proxy, orgId);
          if (side !== 'source') world.broken(3, `${proxy.name} sends org ${orgId}, which nobody moves, to ${side}`);
        }
      }
    },
    atRest() {
      for (const orgId of orgs) {
        for (const table of tables) {
          for (const [region, cluster] of world.databases.clusters) {
            const rows = cluster.versions(table, orgId).size;
            if (rows > 0)
              world.broken(3, `${rows} rows of org ${orgId}, which nobody moves, are in ${table} in ${region}`);
          }
        }
        for (const row of world.ledger.rows(orgId)) {
          const [site] = world.databases.sites;
          const stored = site?.versions(row.table, orgId).get(row.id) ?? null;
          if (!agrees(row, stored)) {
            world.broken(
              3,
              `${row.table} ${row.id} of org ${orgId}, which nobody moves, is ${stored}, not ${row.settled}`,
            );
          }
        }
      }
    },
  };
}
