import { logOf } from '../driver/logger.ts';
import { isTransient, messageOf, RouteConflictError, RouteReadBackError, StaleEpochError } from '../errors/index.ts';
import type { Estate } from '../estate/estate.ts';
import { failpoint } from '../failpoints/failpoints.ts';
import type { FleetProxy, RouteOwner, RouteState, Side } from '../ports/routing.ts';

/** Time between two tries on a proxy that does not answer (milliseconds). */
const tryEveryMs = 200;
/** After this long the proxies that answered count, and the others are left to be retried in the background (milliseconds). */
const stragglerAfterMs = 1_500;

/** Where the org's route is to go on every proxy. */
export interface WantedRoute {
  readonly migrationId: string;
  readonly owner: RouteOwner;
  readonly step: string;
  readonly side: Side;
  /** Hostgroup in which queries of the attempt may still wait; null where there was none. */
  readonly holdHostgroup: number | null;
  /**
   * Routes that the attempt itself left at every proxy, by the proxy's name: taken as read at the first try, for every
   * change is compared with them anyway.
   */
  readonly left?: ReadonlyMap<string, RouteState>;
}

/** What `bring` has done when it comes back: proxies that do not answer stay as they are, held if they were held. */
export interface Brought {
  /** Monotonic milliseconds from which on no proxy that answers lets anything wait. */
  readonly atMs: number;
  readonly stragglers: readonly string[];
}

interface Keeping {
  readonly owner: RouteOwner;
  readonly ended: AbortController;
  /** Proxies that do not answer, with the last error of each. */
  readonly stragglers: Map<string, string>;
  /** Proxies that are there. */
  readonly there: Set<string>;
  /** Proxies that are no members any more: nobody waits for them. */
  readonly gone: Set<string>;
  /** By proxy, the monotonic time from which on nothing waits there any more. */
  readonly released: Map<string, number>;
  readonly loops: Promise<void>[];
}

/**
 * Brings the org's route to one side on every proxy, and lets what waits there through. A proxy that cannot be reached
 * is retried until it answers, or is no member of the fleet any more; meanwhile it is held, which is safe, and is named
 * in the status.
 */
export class RouteKeeper {
  readonly #estate: Estate;
  readonly #keeping = new Map<string, Keeping>();

  constructor(estate: Estate) {
    this.#estate = estate;
  }

  /** Proxies that have not been brought yet, with the last error of each. */
  stragglers(migrationId: string): ReadonlyMap<string, string> {
    return this.#keeping.get(migrationId)?.stragglers ?? new Map();
  }

  /** Orgs that wait for this proxy. */
  waitingFor(proxy: string): readonly number[] {
    return [...this.#keeping.values()]
      .filter(({ stragglers }) => stragglers.has(proxy))
      .map(({ owner }) => owner.orgId);
  }

  /** Waits until every proxy has been brought: the end of a migration leaves none behind. */
  async untilAllThere(migrationId: string, waitsFor: (what: string) => void, signal: AbortSignal): Promise<void> {
    for (;;) {
      const silent = [...this.stragglers(migrationId).keys()];
      if (silent.length === 0) return;
      waitsFor(`${silent.join(', ')} to answer, or to be removed from the fleet: the org is still held there`);
      await this.#estate.clock.sleep(tryEveryMs, signal);
    }
  }

  /** Ends what is left of an earlier `bring`, and waits until it has ended. */
  async stop(migrationId: string): Promise<void> {
    const keeping = this.#keeping.get(migrationId);
    this.#keeping.delete(migrationId);
    keeping?.ended.abort(new Error('another route is wanted'));
    await Promise.all(keeping?.loops ?? []);
  }

  /** Does something that belongs to the route last brought, and ends with it. What fails is logged. */
  beside(migrationId: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<void>): void {
    const keeping = this.#keeping.get(migrationId);
    if (keeping === undefined) return;
    const until = AbortSignal.any([signal, keeping.ended.signal]);
    const loop = work(until).catch((error) => {
      if (!until.aborted)
        logOf(this.#estate.logger, { migrationId, ...keeping.owner }).warn(
          { err: error },
          'work beside a route failed',
        );
    });
    keeping.loops.push(loop);
  }

  /** Resolves when all proxies are there, or when those that answer are and the others stayed silent too long. */
  async bring(wanted: WantedRoute, signal: AbortSignal): Promise<Brought> {
    await this.stop(wanted.migrationId);
    const { clock, routing } = this.#estate;
    const keeping: Keeping = {
      owner: wanted.owner,
      ended: new AbortController(),
      stragglers: new Map(),
      there: new Set(),
      gone: new Set(),
      released: new Map(),
      loops: [],
    };
    this.#keeping.set(wanted.migrationId, keeping);
    const until = AbortSignal.any([signal, keeping.ended.signal]);
    const outcomes = routing.proxies.map(async (proxy) => {
      const there = await this.#untilThere(proxy, wanted, keeping, until);
      keeping.stragglers.delete(proxy.name);
      (there ? keeping.there : keeping.gone).add(proxy.name);
      if (!there) return;
      if (keeping.there.size === 1) await failpoint('proxies.oneThere', wanted.owner.orgId);
      this.#released(keeping, proxy);
    });
    keeping.loops.push(...outcomes.map((outcome) => outcome.catch(() => {})));
    const patience = new AbortController();
    try {
      await Promise.race([Promise.all(outcomes), this.#allButStragglers(outcomes.length, keeping, patience.signal)]);
    } finally {
      patience.abort(new Error('no longer waited for'));
    }
    return {
      atMs: Math.max(
        keeping.there.size === 0 ? clock.monotonicMs() : 0,
        ...[...keeping.there].map((name) => keeping.released.get(name) ?? clock.monotonicMs()),
      ),
      stragglers: [...keeping.stragglers.keys()],
    };
  }

  /** After some patience the proxies that answered count; where none has answered there is nothing to go on with. */
  async #allButStragglers(fleetSize: number, keeping: Keeping, signal: AbortSignal): Promise<void> {
    const { clock } = this.#estate;
    try {
      await clock.sleep(stragglerAfterMs, signal);
      const { there, stragglers, gone } = keeping;
      while (there.size === 0 || there.size + stragglers.size + gone.size < fleetSize) {
        await clock.sleep(tryEveryMs, signal);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** The first time counts: what comes after it waits for nothing. */
  #released({ released }: Keeping, { name }: FleetProxy): void {
    if (!released.has(name)) released.set(name, this.#estate.clock.monotonicMs());
  }

  /** True when the proxy is there, false when it is no member any more. */
  async #untilThere(proxy: FleetProxy, wanted: WantedRoute, keeping: Keeping, signal: AbortSignal): Promise<boolean> {
    for (let left = wanted.left?.get(proxy.name); ; left = undefined) {
      try {
        const found = left ?? (await proxy.readRoute(wanted.owner, signal));
        await bringOne(proxy, wanted, found, () => this.#released(keeping, proxy), signal);
        return true;
      } catch (error) {
        if (signal.aborted) throw error;
        const retried =
          isTransient(error) || error instanceof RouteConflictError || error instanceof RouteReadBackError;
        if (!retried) throw error;
        if (!keeping.stragglers.has(proxy.name)) {
          logOf(this.#estate.logger, { migrationId: wanted.migrationId, ...wanted.owner }).warn(
            { proxy: proxy.name, err: error },
            'a proxy is retried until it answers',
          );
        }
        keeping.stragglers.set(proxy.name, messageOf(error));
        await this.#estate.clock.sleep(tryEveryMs, signal);
        await this.#estate.routing.recent();
        if (!this.#estate.routing.counts(proxy)) return false;
      }
    }
  }
}

/**
 * One proxy: let the waiting through, then change the route from exactly what was found. What waits goes first, because
 * saving, loading and reading back rules takes the longest: the hostgroup it waits in leads to the same side then, and so
 * does everything that still comes into it.
 */
async function bringOne(
  proxy: FleetProxy,
  wanted: WantedRoute,
  found: RouteState,
  nothingWaits: () => void,
  signal: AbortSignal,
): Promise<void> {
  const { owner, step, side, holdHostgroup } = wanted;
  if (found.comment === null) {
    // Never prepared here: there is nothing of ours to take back, and nothing was held.
    if (side === 'source') return;
    const prepared = await proxy.prepare(owner, signal);
    await proxy.setRoute(owner, step, { kind: side }, prepared.comment ?? '', signal);
    return;
  }
  if (found.epoch > owner.epoch) throw new StaleEpochError(`proxy ${proxy.name}`, owner.orgId, owner.epoch);
  const waitedIn = found.route !== null && 'holdHostgroup' in found.route ? found.route.holdHostgroup : null;
  for (const hold of new Set([holdHostgroup, waitedIn])) {
    if (hold !== null) await proxy.openHold(owner, hold, side, found.comment, signal);
  }
  if (waitedIn !== null) nothingWaits();
  await proxy.setRoute(owner, step, { kind: side }, found.comment, signal);
}
