import type { DmsApi } from '../adapters/dms/api.ts';
import type { FleetStore } from '../ports/fleet.ts';
import type { FleetProxy } from '../ports/routing.ts';
import type { Store } from '../ports/store.ts';

/** Where what goes in and out of a controller can be measured: each gives the same thing back, watched. */
export interface Edges {
  store<T extends Store & FleetStore>(store: T): T;
  proxy(proxy: FleetProxy): FleetProxy;
  dms(api: DmsApi, homeRegion: string): DmsApi;
}

/** For a program that ends as soon as it has its answer. */
export const unmeasured: Edges = { store: (store) => store, proxy: (proxy) => proxy, dms: (api) => api };
