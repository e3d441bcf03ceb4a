import { RouteConflictError, RouteReadBackError } from '../../errors/routing.ts';
import type { Drift, ExpectedRoute, FleetProxy } from '../../ports/routing.ts';
import type { AdminSession } from './admin.ts';
import type { RoutingConfig } from './config.ts';
import { commentFor, rulesFor, sharingOf } from './rules.ts';
import { completePair, insertPair } from './ruleText.ts';
import { publish, putSentinel } from './settling.ts';
import { sharedRoutes } from './sharedRoutes.ts';

/** What of the proxy the mending goes through. */
type Ways = Pick<FleetProxy, 'readRoute' | 'setRoute' | 'assertClean'>;

/**
 * Puts right what a look found, each from what is there now: an org's rules by a comparison with their whole comment, as
 * every other change. Whoever is held, whoever has rules that nobody of us wrote, and whoever a newer owner has written,
 * is left to a person or to that owner.
 */
export async function mendProxy(
  admin: AdminSession,
  ways: Ways,
  routing: RoutingConfig,
  drift: readonly Drift[],
  expected: ReadonlyMap<number, ExpectedRoute>,
  signal?: AbortSignal,
): Promise<readonly Drift[]> {
  // LOAD publishes everybody's memory.
  await ways.assertClean(signal);
  const left: Drift[] = [];
  /** Right in memory, by now: it only has to be published. */
  const unpublished: Drift[] = [];
  await putSentinel(admin, routing, signal);
  for (const [orgId, found] of Map.groupBy(drift, (each) => each.orgId)) {
    const own = found.find(({ kind }) => kind === 'route' || kind === 'rules' || kind === 'shared');
    if (orgId === null || own === undefined) {
      unpublished.push(...found);
      continue;
    }
    const org = expected.get(orgId);
    try {
      const done = org === undefined ? false : await mendOrg(admin, ways, routing, org, own.comment, signal);
      if (!done) left.push(...found);
    } catch (error) {
      if (!(error instanceof RouteConflictError || error instanceof RouteReadBackError)) throw error;
      left.push(...found);
    }
  }
  // What is left of our own rules might do more harm when it is published.
  if (left.length > 0) return [...left, ...unpublished];
  await publish(admin, signal);
  return [];
}

/** False where it is not ours to mend. */
async function mendOrg(
  admin: AdminSession,
  ways: Ways,
  routing: RoutingConfig,
  org: ExpectedRoute,
  seen: string | null,
  signal?: AbortSignal,
): Promise<boolean> {
  const { comment, route, epoch } = await ways.readRoute(org, signal);
  // Since the look somebody else has changed it, for a reason that the look could not know of.
  if (comment !== seen) return false;
  const shared = sharedRoutes(admin, routing);
  const wanted = { kind: org.side };
  if (comment === null) {
    if ((await shared.read('memory', signal)).any.has(org.orgId)) return false;
    const made = commentFor(org, 'mend', wanted);
    await admin.write(insertPair(rulesFor(routing, org, wanted), made), signal);
    await ways.setRoute(org, 'mend', wanted, made, signal);
    return true;
  }
  if (route === null || route.kind === 'held' || route.kind === 'parked' || epoch > org.epoch) return false;
  // Behind own rules at the cluster nobody notices; at the source the shared route is what misleads the org.
  if (sharingOf(comment) === 'own' && (await shared.read('memory', signal)).any.has(org.orgId)) {
    await shared.remove(org.orgId, comment, signal);
  }
  await admin.write(completePair(rulesFor(routing, org, wanted), comment), signal);
  await ways.setRoute(org, 'mend', wanted, comment, signal);
  return true;
}
