import type { Logger } from '../driver/logger.ts';
import { CutoverError, isTransient, messageOf } from '../errors/index.ts';
import type { Clock } from '../ports/clock.ts';
import type { Drift, ExpectedRoute, FleetProxy, Pause, ProxyAudit } from '../ports/routing.ts';
import type { RoutedOrg, UpkeepReport, UpkeepStore } from '../ports/upkeep.ts';
import type { Membership } from './membership.ts';
import { settleOrgs } from './settle.ts';

/** Silence after which another controller looks after the proxies (milliseconds): nobody waits for it. */
const leaseMs = 15_000;
/** Time between two looks whether those who are held have been released (milliseconds). */
const turnEveryMs = 100;
/** Drift of one proxy that is told in full. */
const toldAtMost = 50;

export interface UpkeepDeps {
  readonly membership: Membership;
  readonly store: UpkeepStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly instance: string;
  readonly everyMs: number;
  /** Whether completed orgs share routes. */
  readonly share: boolean;
  /** Whether what is not as the journals say is put right. */
  readonly drift: 'report' | 'repair';
}

/** Another controller looks after the proxies now, or this one stops. */
class TurnLost extends Error {}

/**
 * Looks after the proxies beside the moves, in one controller at a time: compares what each has with the journals, and
 * lets completed orgs share their routes. Before every command it asks the store whether anybody is held, and waits until
 * nobody is; so a pause is longer by one command at most. Drift counts when two looks in a row have seen the same, and the
 * org's journal was the same before and behind each.
 */
export class Upkeep {
  readonly #deps: UpkeepDeps;
  readonly #stopping = new AbortController();
  readonly #seen = new Map<string, ReadonlySet<string>>();
  #loop: Promise<void> | null = null;
  #report: UpkeepReport | null = null;

  constructor(deps: UpkeepDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the controller stops'));
    await this.#loop;
  }

  /** What the last round of this controller found; null while another one looks after the proxies. */
  get report(): UpkeepReport | null {
    return this.#report;
  }

  async #run(): Promise<void> {
    const { clock, store, logger, instance, everyMs } = this.#deps;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await clock.sleep(everyMs, signal).catch(() => {});
      if (signal.aborted) break;
      try {
        if (!(await this.round())) this.#report = null;
      } catch (error) {
        if (signal.aborted) break;
        if (error instanceof TurnLost) this.#report = null;
        else if (error instanceof CutoverError)
          logger.warn({ err: messageOf(error) }, 'a round over the proxies ended early');
        else logger.error({ err: error }, 'a round over the proxies failed');
      }
    }
    await store.endUpkeep(instance).catch((error: unknown) => {
      logger.debug({ err: messageOf(error) }, 'the lease of the proxies’ upkeep ends by itself');
    });
  }

  /** One round; false where another controller looks after the proxies. */
  async round(): Promise<boolean> {
    const { store, clock, instance, membership, drift: policy } = this.#deps;
    const { signal } = this.#stopping;
    if ((await store.upkeepTurn(instance, leaseMs)) === 'lost') return false;
    const turn = async () => {
      for (;;) {
        signal.throwIfAborted();
        const now = await store.upkeepTurn(instance, leaseMs);
        if (now === 'lost') throw new TurnLost();
        if (now !== 'held') return now;
        await clock.sleep(turnEveryMs, signal);
      }
    };
    const pause: Pause = async () => void (await turn());
    // Once begun, a batch goes on: a proxy that joins is compared with members that all have the same.
    const mayBegin = async () => (await turn()) === 'go';
    if (!(await mayBegin())) return true;
    await membership.refresh();
    const members = membership.proxies;
    const before = await store.routedOrgs();
    const looks = await Promise.all(members.map((proxy) => this.#look(proxy, before, pause)));
    const resting = atRest(before, await store.routedOrgs());
    const found = looks.flatMap((look) => {
      if (look === null) return [];
      const judged = look.audit.drift.filter(
        ({ orgId }) => orgId === null || resting.has(orgId) || !isKnown(before, orgId),
      );
      return [{ ...look, judged, confirmed: this.#confirm(look.proxy.name, judged) }];
    });
    this.#tell(found);
    for (const { proxy, confirmed } of found) {
      if (policy === 'repair' && confirmed.length > 0) await this.#mend(proxy, confirmed, resting, pause);
    }
    const clean = found.length === members.length && found.every(({ judged }) => judged.length === 0);
    const completed = before.filter(({ orgId, completed }) => completed && resting.get(orgId)?.side === 'cluster');
    const ownRules =
      this.#deps.share && clean
        ? await settleOrgs({ ...this.#deps, proxies: members, orgs: completed, pause, mayBegin, signal })
        : (this.#report?.ownRules ?? []);
    this.#report = {
      atMs: clock.nowMs(),
      proxies: found.map(({ proxy, audit, confirmed }) => ({
        name: proxy.name,
        drift: confirmed.slice(0, toldAtMost),
        drifts: confirmed.length,
        shared: audit.shared,
        sharedDigest: audit.sharedDigest,
      })),
      ownRules,
    };
    await store.putUpkeepReport(this.#report);
    return true;
  }

  /** Null where the proxy does not answer: the watch tells of that. */
  async #look(proxy: FleetProxy, orgs: readonly RoutedOrg[], pause: Pause) {
    const expected = new Map(orgs.flatMap((org) => expectedOf(org)));
    const moving = new Set(orgs.filter(({ orgId }) => !expected.has(orgId)).map(({ orgId }) => orgId));
    try {
      return { proxy, audit: await proxy.audit(expected, moving, pause, this.#stopping.signal) };
    } catch (error) {
      if (error instanceof TurnLost || !isTransient(error)) throw error;
      return null;
    }
  }

  /** What the look before has seen as well. */
  #confirm(name: string, drift: readonly Drift[]): readonly Drift[] {
    const before = this.#seen.get(name) ?? new Set();
    const keyed = drift.map((each) => ({ each, key: JSON.stringify(each) }));
    this.#seen.set(name, new Set(keyed.map(({ key }) => key)));
    return keyed.filter(({ key }) => before.has(key)).map(({ each }) => each);
  }

  #tell(found: readonly { proxy: FleetProxy; audit: ProxyAudit; confirmed: readonly Drift[] }[]): void {
    for (const { proxy, confirmed } of found) {
      if (confirmed.length === 0) continue;
      this.#deps.logger.error(
        { proxy: proxy.name, code: 'PROXY_DRIFT', drifts: confirmed.length, drift: confirmed.slice(0, 5) },
        `proxy ${proxy.name} is not as the journals say`,
      );
    }
  }

  async #mend(
    proxy: FleetProxy,
    drift: readonly Drift[],
    resting: ReadonlyMap<number, ExpectedRoute>,
    pause: Pause,
  ): Promise<void> {
    const { logger } = this.#deps;
    try {
      const left = await proxy.mend(drift, resting, pause, this.#stopping.signal);
      logger.warn({ proxy: proxy.name, mended: drift.length - left.length, left: left.length }, 'drift was put right');
    } catch (error) {
      if (!(error instanceof CutoverError)) throw error;
      logger.warn({ proxy: proxy.name, err: messageOf(error) }, 'drift was not put right');
    }
  }
}

/** An org that is at rest by its journal; one that is held, or whose journal cannot be read, is nobody's to judge. */
function expectedOf(org: RoutedOrg): [number, ExpectedRoute][] {
  const { side } = org;
  return side === 'source' || side === 'cluster' ? [[org.orgId, { ...org, side }]] : [];
}

/** Orgs of which nothing changed between two readings. */
function atRest(before: readonly RoutedOrg[], after: readonly RoutedOrg[]): ReadonlyMap<number, ExpectedRoute> {
  const now = new Map(after.map((org) => [org.orgId, JSON.stringify(org)]));
  return new Map(before.filter((org) => now.get(org.orgId) === JSON.stringify(org)).flatMap((org) => expectedOf(org)));
}

const isKnown = (orgs: readonly RoutedOrg[], orgId: number) => orgs.some((org) => org.orgId === orgId);
