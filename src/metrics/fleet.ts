import type { Registry } from 'prom-client';
import type { FleetView } from '../ports/fleet.ts';
import { gauge } from './registry.ts';

/** What a controller's memory has of the proxies. */
export interface FleetMemory {
  readonly names: readonly string[];
  /** Null before the first look. */
  reachable(name: string): boolean | null;
  view(): FleetView | null;
  /** Orgs whose route waits for the proxy. */
  waitingFor(name: string): readonly number[];
}

/** Which proxies answer, which count, and which keep an org held. */
export function showFleet(registry: Registry, fleet: FleetMemory): void {
  const labels = ['proxy'];
  gauge(registry, { name: 'proxy_up', help: '1 while the admin interface of a proxy answers', labels }, (metric) => {
    for (const proxy of fleet.names) {
      const reachable = fleet.reachable(proxy);
      if (reachable !== null) metric.set({ proxy }, reachable ? 1 : 0);
    }
  });
  gauge(registry, { name: 'proxy_member', help: '1 for a proxy that counts in the fleet', labels }, (metric) => {
    const view = fleet.view();
    if (view === null) return;
    const members = new Set(view.proxies.filter(({ standing }) => standing === 'member').map(({ name }) => name));
    for (const proxy of new Set([...fleet.names, ...members])) metric.set({ proxy }, members.has(proxy) ? 1 : 0);
  });
  gauge(
    registry,
    {
      name: 'proxy_waiting_orgs',
      help: 'Orgs of this controller whose route a proxy has not taken yet: held there, if they were',
      labels,
    },
    (metric) => {
      for (const proxy of fleet.names) metric.set({ proxy }, fleet.waitingFor(proxy).length);
    },
  );
}
