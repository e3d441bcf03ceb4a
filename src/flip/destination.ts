import type { EffectRun } from '../driver/handlers.ts';
import { CutoverError, DestinationForeignError } from '../errors/index.ts';
import { clusterOf, type Estate } from '../estate/estate.ts';
import type { Place, ServerAddress } from '../ports/place.ts';
import type { FlipAttempt } from './attempt.ts';

/**
 * Before the hold, and for the way there: every server that any proxy would send the org's statements to belongs to the
 * cluster of its home region. An address that is not the cluster's own is asked, over the place's account, for the row
 * that says which cluster it is. Throws `DestinationForeignError`.
 */
export async function assertDestinationOwned(estate: Estate, attempt: FlipAttempt, run: EffectRun): Promise<void> {
  const { homeRegion } = attempt.owner;
  const cluster = clusterOf(estate, homeRegion);
  // Many proxies have the same servers: each is asked once.
  const asked = new Map<string, Promise<string | null>>();
  await Promise.all(
    estate.routing.proxies.map(async (proxy) => {
      for (const address of await proxy.servers('cluster', homeRegion, run.signal)) {
        const name = `${address.host}:${address.port}`;
        const stranger = asked.get(name) ?? strangerAt(cluster, address, run.signal);
        asked.set(name, stranger);
        const found = await stranger;
        if (found !== null) throw new DestinationForeignError(proxy.name, name, cluster.name, found);
      }
    }),
  );
}

/** What is at the address, in words; null: the cluster. */
async function strangerAt(cluster: Place, address: ServerAddress, signal: AbortSignal): Promise<string | null> {
  if (cluster.isAt(address)) return null;
  try {
    const { kind, name, homeRegion } = await cluster.reader(address).identity(signal);
    const same = kind === 'cluster' && name === cluster.name && homeRegion === cluster.homeRegion;
    return same ? null : `${kind} ${name} (${homeRegion ?? 'no region'})`;
  } catch (error) {
    if (signal.aborted || !(error instanceof CutoverError)) throw error;
    return `a server that does not say what it is: ${error.message}`;
  }
}
