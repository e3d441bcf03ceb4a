import type { Logger } from '../driver/logger.ts';
import { CutoverError, FleetAddRefusedError, FleetBusyError, isTransient, messageOf } from '../errors/index.ts';
import type { Clock } from '../ports/clock.ts';
import type { FleetStore } from '../ports/fleet.ts';
import type { Ids } from '../ports/ids.ts';
import type { FleetProxy, ProxyPicture } from '../ports/routing.ts';
import type { Store } from '../ports/store.ts';
import { type Hostgroups, isCopyOf, lacksOf, sameRoutes } from './compare.ts';
import type { Membership } from './membership.ts';
import { orgsAtRest } from './rest.ts';

/** Flips wait for as long as this after the controller that adds has died (milliseconds). */
const leaseMs = 6_000;
const keepEveryMs = 1_500;
/** How long orgs that are held are waited for, and members that are being brought: longer than any flip (milliseconds). */
const restWithinMs = 20_000;
const lookEveryMs = 200;
/** How long a hold that an earlier life left at the proxy may be in use (milliseconds). */
const holdsWithinMs = 5_000;

export interface AddDeps {
  readonly membership: Membership;
  readonly store: Store & FleetStore;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  readonly hostgroups: Hostgroups;
}

/** What the members have, and which of them were asked. */
interface Reference {
  readonly pictures: readonly ProxyPicture[];
  readonly asked: readonly string[];
  readonly silent: readonly string[];
}

/**
 * Makes a proxy a member once it has, and runs, exactly what the members have. Until then it must not have traffic.
 * The proof holds because no org changes sides meanwhile: under the lease no attempt is prepared, and one that was
 * prepared before can only abort, for the fleet's revision is another. So once no org is held, every route stands still;
 * and the next attempt that is prepared already finds the new member. Without the lease (the store was away, or this
 * controller stood still) nothing is admitted.
 */
export async function addProxy(
  deps: AddDeps,
  proxy: FleetProxy,
  { actor, reason }: { actor: string; reason: string | null },
): Promise<void> {
  const { membership, store, clock } = deps;
  await membership.refresh();
  await assertFit(deps, proxy, await reference(membership, proxy));
  const token = deps.ids.uuid();
  if (!(await store.beginJoining(proxy.name, token, leaseMs))) {
    throw new FleetBusyError(proxy.name, 'another proxy is being added');
  }
  const lease = keepLease(deps, proxy.name, token);
  try {
    const evidence = await bring(deps, proxy, lease.signal);
    const admitted = await store.admitToFleet(token, {
      name: proxy.name,
      actor,
      reason,
      evidence,
      atMs: clock.nowMs(),
    });
    if (!admitted) throw new FleetBusyError(proxy.name, 'the lease in the store was lost meanwhile');
  } catch (error) {
    if (lease.signal.aborted) throw lease.signal.reason;
    throw error;
  } finally {
    await lease.end();
  }
  await membership.refresh();
}

/** Rest, load, prove. */
async function bring(deps: AddDeps, proxy: FleetProxy, signal: AbortSignal): Promise<Record<string, unknown>> {
  const { clock, membership } = deps;
  const untilMs = clock.monotonicMs() + restWithinMs;
  for (;;) {
    const { found, unrest } = await settled(deps, proxy);
    const [first] = found.pictures;
    if (unrest === null && first !== undefined) {
      const before = await proxy.picture(signal);
      await proxy.adopt({ like: first, before }, signal);
      await clearHolds(deps, proxy, signal);
      const now = await proxy.picture(signal);
      const again = await reference(membership, proxy);
      await assertFit(deps, proxy, again, now);
      if (isCopyOf(now, first) && again.pictures.every((picture) => sameRoutes(picture, now))) {
        const { version } = await proxy.facts(signal);
        return {
          version,
          orgs: now.routes.size,
          rules: now.published.length,
          users: now.users.size,
          comparedWith: again.asked,
          silent: again.silent,
        };
      }
    }
    if (clock.monotonicMs() > untilMs) {
      throw new FleetBusyError(proxy.name, unrest ?? 'the members’ routes went on changing');
    }
    await clock.sleep(lookEveryMs, signal);
  }
}

/** What the members have, if no org is held, they all have the same, and it is what the journals say. */
async function settled(deps: AddDeps, proxy: FleetProxy): Promise<{ found: Reference; unrest: string | null }> {
  const { sides, moving } = await orgsAtRest(deps.store);
  const found = await reference(deps.membership, proxy);
  if (moving.length > 0)
    return { found, unrest: `orgs are held, or their journal cannot be read: ${moving.join(', ')}` };
  const [first, ...rest] = found.pictures;
  if (first === undefined)
    throw new FleetAddRefusedError(proxy.name, ['no member answers that it could be compared with']);
  if (!rest.every((other) => sameRoutes(first, other))) {
    return { found, unrest: `the members do not agree on every route: ${found.asked.join(', ')}` };
  }
  const wrong = [...sides].filter(([orgId, side]) => (first.routes.get(orgId)?.route?.kind ?? 'source') !== side);
  const unknown = [...first.routes].filter(([orgId, { route }]) => !sides.has(orgId) && route?.kind !== 'source');
  if (wrong.length === 0 && unknown.length === 0) return { found, unrest: null };
  const orgs = [...wrong, ...unknown].map(([orgId]) => orgId).join(', ');
  return { found, unrest: `the members route orgs otherwise than the journals say: ${orgs}` };
}

/** Pictures of all other members that answer. */
async function reference(membership: Membership, proxy: FleetProxy): Promise<Reference> {
  const members = membership.proxies.filter((member) => member !== proxy);
  const answers = await Promise.all(
    members.map(async (member) => {
      try {
        return { name: member.name, picture: await member.picture() };
      } catch (error) {
        if (!isTransient(error)) throw error;
        return { name: member.name, picture: null };
      }
    }),
  );
  return {
    pictures: answers.flatMap(({ picture }) => (picture === null ? [] : [picture])),
    asked: answers.filter(({ picture }) => picture !== null).map(({ name }) => name),
    silent: answers.filter(({ picture }) => picture === null).map(({ name }) => name),
  };
}

/** Version, settings, nobody's half edits, users, servers and others' rules: as preflight asks, and as the members have it. */
async function assertFit(
  { hostgroups }: AddDeps,
  proxy: FleetProxy,
  { pictures }: Reference,
  picture?: ProxyPicture,
): Promise<void> {
  const { refusals } = await proxy.inspect();
  const edits = await proxy.assertClean().then(
    () => [],
    (error: unknown) => {
      if (!(error instanceof CutoverError) || isTransient(error)) throw error;
      return [error.message];
    },
  );
  const all = [...refusals, ...edits, ...lacksOf(picture ?? (await proxy.picture()), pictures, hostgroups)];
  if (all.length > 0) throw new FleetAddRefusedError(proxy.name, all);
}

/** Hold hostgroups that an earlier life left: their numbers may be another attempt's by now. */
async function clearHolds({ clock }: AddDeps, proxy: FleetProxy, signal: AbortSignal): Promise<void> {
  const untilMs = clock.monotonicMs() + holdsWithinMs;
  for (const hold of (await proxy.picture(signal)).holds) {
    while (!(await proxy.retireHold(hold, signal))) {
      if (clock.monotonicMs() > untilMs) {
        throw new FleetAddRefusedError(proxy.name, [`sessions still use its hold hostgroup ${hold}: end them`]);
      }
      await clock.sleep(lookEveryMs, signal);
    }
  }
}

/** Keeps the lease; the signal ends when it is lost. `end` gives it back. */
function keepLease(
  { store, clock, logger }: AddDeps,
  name: string,
  token: string,
): { signal: AbortSignal; end(): Promise<void> } {
  const lost = new AbortController();
  const ended = new AbortController();
  const keeping = (async () => {
    for (;;) {
      await clock.sleep(keepEveryMs, ended.signal).catch(() => {});
      if (ended.signal.aborted) return;
      const kept = await store.keepJoining(token, leaseMs).catch((error: unknown) => {
        logger.warn({ proxy: name, err: messageOf(error) }, 'the lease for adding a proxy was not renewed');
        return true;
      });
      if (!kept) return lost.abort(new FleetBusyError(name, 'the lease in the store was lost meanwhile'));
    }
  })();
  return {
    signal: lost.signal,
    async end() {
      ended.abort();
      await keeping;
      await store.endJoining(token).catch((error: unknown) => {
        logger.warn({ proxy: name, err: messageOf(error) }, 'the lease for adding a proxy ends by itself');
      });
    },
  };
}
