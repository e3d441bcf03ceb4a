import { FleetRemoveRefusedError } from '../errors/index.ts';
import type { Estate } from '../estate/estate.ts';
import type { FleetStore } from '../ports/fleet.ts';
import type { Network } from '../ports/network.ts';
import type { Membership } from './membership.ts';
import { type ProxyAddress, proveDead } from './proof.ts';

export interface RemoveDeps {
  readonly estate: Pick<Estate, 'sites' | 'clusters' | 'clock' | 'logger'>;
  readonly membership: Membership;
  readonly store: FleetStore;
  readonly network: Network;
  /** Every proxy of the configuration. */
  readonly addresses: readonly ProxyAddress[];
}

/**
 * Takes out a member that is proven dead: nobody waits for it any more. What it left on its disk is stale from then on,
 * so it must not get traffic before it was added again. Throws `FleetRemoveRefusedError`.
 */
export async function removeProxy(
  { estate, membership, store, network, addresses }: RemoveDeps,
  proxy: ProxyAddress,
  { actor, reason }: { actor: string; reason: string },
): Promise<void> {
  const view = await membership.refresh();
  const members = view.proxies.filter(({ standing }) => standing === 'member');
  const last = 'it is the last member: the orgs’ clients would have no way left';
  if (members.length < 2) throw new FleetRemoveRefusedError(proxy.name, last);
  const { missing, evidence } = await proveDead({
    proxy,
    facts: view.proxies.find(({ name }) => name === proxy.name)?.facts ?? null,
    others: addresses.filter(({ name }) => name !== proxy.name),
    places: [...estate.sites, ...estate.clusters.values()],
    network,
    clock: estate.clock,
  });
  if (missing !== null) throw new FleetRemoveRefusedError(proxy.name, missing, evidence);
  const removed = await store.removeFromFleet({
    name: proxy.name,
    actor,
    reason,
    evidence,
    atMs: estate.clock.nowMs(),
  });
  const now = await membership.refresh();
  // Somebody else may have done the same meanwhile: then it is done.
  const standing = now.proxies.find(({ name }) => name === proxy.name)?.standing;
  if (!removed && standing === 'member') throw new FleetRemoveRefusedError(proxy.name, last, evidence);
  estate.logger.warn({ proxy: proxy.name, actor, reason }, 'a proxy was removed from the fleet');
}
