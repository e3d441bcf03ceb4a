import type { Clock } from '../../ports/clock.ts';
import type { Routing } from '../../ports/routing.ts';
import { type ConnectAdmin, openAdmin } from './admin.ts';
import type { ProxyConfig, RoutingConfig } from './config.ts';
import { createProxy } from './proxy.ts';

/** The whole fleet, each instance written to directly: cluster sync between them is never relied upon. */
export function createRouting(
  proxies: readonly ProxyConfig[],
  routing: RoutingConfig,
  machine: { readonly clock: Clock; readonly connectAdmin: ConnectAdmin },
): Routing {
  const fleet = proxies.map((proxy) =>
    createProxy(proxy, routing, openAdmin(proxy, machine.clock, machine.connectAdmin)),
  );
  return {
    proxies: fleet,
    // Statistics carry user and schema; a comment is not in them.
    tellsErrorsApart: routing.by !== 'comment',
    close: () => {
      for (const proxy of fleet) proxy.close();
    },
  };
}
