import type { FleetStatus, ProxyStatus } from '../service/fleetStatus.ts';
import type { Api } from './api.ts';
import type { FleetInvocation } from './args.ts';
import type { Output } from './output.ts';
import { table } from './text.ts';

/** Shows the fleet, or changes who counts in it. */
export async function fleet(api: Api, { change, json }: FleetInvocation, output: Output): Promise<void> {
  if (change === null) {
    const found = await api.fleet();
    output.out(json ? `${JSON.stringify(found)}\n` : fleetText(found));
    return;
  }
  const proxy =
    change.action === 'remove'
      ? await api.removeProxy(change.name, change.reason)
      : await api.addProxy(change.name, change.reason);
  output.out(json ? `${JSON.stringify(proxy)}\n` : `${proxyLine(proxy)}\n`);
}

function fleetText({ proxies, joining }: FleetStatus): string {
  const rows = proxies.map((proxy) => [
    proxy.name,
    proxy.standing,
    proxy.since ?? '',
    reachText(proxy),
    proxy.version ?? '',
    proxy.heldOrgs.join(', '),
    noteOf(proxy),
  ]);
  const text = table(['PROXY', 'STANDING', 'SINCE', 'ANSWERS', 'VERSION', 'ORGS HELD', 'NOTE'], rows);
  return joining === null ? text : `${text}${joining} is being added; flips wait\n`;
}

function proxyLine(proxy: ProxyStatus): string {
  const note = noteOf(proxy);
  return `${proxy.name}: ${proxy.standing}, ${proxy.reachable === true ? 'answers' : 'does not answer'}${note === '' ? '' : `; ${note}`}`;
}

function reachText({ reachable, silentSince }: ProxyStatus): string {
  if (reachable === null) return '?';
  return reachable ? 'yes' : `not since ${silentSince}`;
}

function noteOf({ warning, configured, by, reason, drifts }: ProxyStatus): string {
  if (warning !== null) return warning;
  if (drifts > 0) return `in ${drifts} places not as the journals say; --json shows them`;
  if (!configured) return 'not in this controller’s configuration';
  return by === null ? '' : `by ${by}${reason === null ? '' : `: ${reason}`}`;
}
