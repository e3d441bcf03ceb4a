import type { Clock } from '../../ports/clock.ts';
import type { ConfiguredProxies } from '../../ports/routing.ts';
import { type ConnectAdmin, openAdmin } from './admin.ts';
import type { ProxyConfig, RoutingConfig } from './config.ts';
import { createProxy } from './proxy.ts';

/** Every proxy, each instance written to directly: cluster sync between them is never relied upon. */
export function createProxies(
  proxies: readonly ProxyConfig[],
  routing: RoutingConfig,
  machine: { readonly clock: Clock; readonly connectAdmin: ConnectAdmin },
): ConfiguredProxies {
  const fleet = proxies.map((proxy) =>
    createProxy(proxy, routing, openAdmin(proxy, machine.clock, machine.connectAdmin), machine.clock),
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
