import type { Logger } from '../driver/logger.ts';
import { messageOf, RouteConflictError, RouteReadBackError } from '../errors/index.ts';
import { type FleetProxy, type Pause, partOf, type SettledOrg } from '../ports/routing.ts';
import type { RoutedOrg, UpkeepReport, UpkeepStore } from '../ports/upkeep.ts';

/** Orgs that one statement changes. */
const orgsAtOnce = 200;
/** Orgs that are named for a reason. */
const namedAtMost = 20;

export interface SettleInput {
  readonly store: Pick<UpkeepStore, 'sharedPair'>;
  readonly logger: Logger;
  /** Every member: a route is shared by all of them or none. */
  readonly proxies: readonly FleetProxy[];
  /** Completed orgs, that their cluster serves. */
  readonly orgs: readonly RoutedOrg[];
  readonly pause: Pause;
  /** False where another batch should not be begun now. */
  readonly mayBegin: () => Promise<boolean>;
  readonly signal: AbortSignal;
}

/**
 * Lets completed orgs share their routes, and gives back their own rules to those for whom it is not proven any more that
 * a shared route does the same. In this order: proven on every member; shared on every member; read back on every member;
 * only then the own rules rest. Answers with who keeps rules of their own, and why.
 */
export async function settleOrgs(input: SettleInput): Promise<UpkeepReport['ownRules']> {
  const { store, logger, proxies, pause, mayBegin, signal } = input;
  const pairs = new Map<string, number>();
  const orgs: SettledOrg[] = [];
  for (const org of input.orgs) {
    const place = `${org.homeRegion} ${partOf(org.slot)}`;
    const sharedPair = pairs.get(place) ?? (await store.sharedPair(org.homeRegion, partOf(org.slot)));
    pairs.set(place, sharedPair);
    orgs.push({ ...org, sharedPair });
  }
  const reasons = new Map<number, string>();
  let unseen: ReadonlySet<number> = new Set(orgs.map(({ orgId }) => orgId));
  for (const proxy of proxies) {
    await pause();
    const here = await proxy.needOwnRules(orgs, signal);
    for (const [orgId, reason] of here.reasons) reasons.set(orgId, reasons.get(orgId) ?? `${proxy.name}: ${reason}`);
    unseen = unseen.intersection(here.unseen);
  }
  const resting = new Map<number, number>();
  for (const proxy of proxies) {
    await pause();
    const sharings = await proxy.sharings(signal);
    for (const org of orgs) {
      const { sharing, state } = sharings.get(org.orgId) ?? {};
      if (sharing === 'shared') resting.set(org.orgId, (resting.get(org.orgId) ?? 0) + 1);
      if (sharing === undefined || sharing === 'own' || !reasons.has(org.orgId)) continue;
      // A newer owner is at it.
      if ((state?.epoch ?? 0) > org.epoch) continue;
      try {
        await pause();
        await proxy.setRoute(org, 'own', { kind: 'cluster' }, state?.comment ?? '', signal);
      } catch (error) {
        if (!(error instanceof RouteConflictError || error instanceof RouteReadBackError)) throw error;
        logger.warn({ proxy: proxy.name, orgId: org.orgId, err: messageOf(error) }, 'an org keeps its shared route');
      }
    }
  }
  const apart = orgs.filter(({ orgId }) => !reasons.has(orgId) && resting.get(orgId) !== proxies.length);
  const open = apart.filter(({ orgId }) => !unseen.has(orgId));
  // Proxies forget what they have seen when they restart: whoever shares already goes on.
  for (const { orgId } of apart) {
    if (unseen.has(orgId)) reasons.set(orgId, 'no proxy has seen its user: in which schemas it works is not known');
  }
  for (let at = 0; at < open.length; at += orgsAtOnce) {
    if (!(await mayBegin())) break;
    const batch = open.slice(at, at + orgsAtOnce);
    let led = batch;
    for (const proxy of proxies) {
      const here = await proxy.share(batch, pause, signal);
      led = led.filter(({ orgId }) => here.has(orgId));
    }
    let settled = 0;
    if (led.length > 0) for (const proxy of proxies) settled += (await proxy.settle(led, pause, signal)).size;
    logger.info({ orgs: led.length, of: batch.length, settled }, 'completed orgs share their routes');
  }
  const byReason = Map.groupBy(reasons, ([, reason]) => reason);
  return [...byReason].map(([reason, found]) => ({
    reason,
    orgs: found.length,
    orgIds: found.slice(0, namedAtMost).map(([orgId]) => orgId),
  }));
}
