import type { Logger } from '../driver/logger.ts';
import { CutoverError, messageOf } from '../errors/index.ts';
import type { Clock } from '../ports/clock.ts';
import type { FleetStore, ProxyFacts } from '../ports/fleet.ts';
import type { ConfiguredProxies, FleetProxy } from '../ports/routing.ts';
import type { Membership } from './membership.ts';

/** Time between two looks at a proxy (milliseconds). */
const lookEveryMs = 1_000;
/** Longest wait for its answer (milliseconds). */
const answerWithinMs = 2_000;
/** What a proxy tells of itself is read again this often (milliseconds): its settings may change while it runs. */
const factsEveryMs = 60_000;
/** A proxy that answers and is no member is told of this often (milliseconds). */
const warnEveryMs = 60_000;

/** What a controller sees of one proxy. */
export interface Sighting {
  /** Null before the first look. */
  readonly reachable: boolean | null;
  /** Epoch milliseconds from which on it has not answered; null while it does. */
  readonly silentSinceMs: number | null;
  readonly message: string | null;
  readonly facts: ProxyFacts | null;
}

/**
 * Looks at every proxy of the configuration, over connections of its own, so that a silent one keeps no flip waiting.
 * What a proxy tells of itself is kept in the store, for the day on which it does not answer any more. A proxy that
 * answers and is no member is told of loudly: what it routes by is stale.
 */
export class FleetWatch {
  readonly #proxies: ConfiguredProxies;
  readonly #membership: Membership;
  readonly #store: Pick<FleetStore, 'rememberFacts'>;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #seen = new Map<string, Sighting>();
  readonly #stopping = new AbortController();
  #loops: Promise<void>[] = [];

  constructor(deps: {
    proxies: ConfiguredProxies;
    membership: Membership;
    store: Pick<FleetStore, 'rememberFacts'>;
    clock: Clock;
    logger: Logger;
  }) {
    this.#proxies = deps.proxies;
    this.#membership = deps.membership;
    this.#store = deps.store;
    this.#clock = deps.clock;
    this.#logger = deps.logger;
  }

  start(): void {
    this.#loops = this.#proxies.proxies.map((proxy) => this.#watch(proxy));
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the controller stops'));
    await Promise.all(this.#loops);
    this.#proxies.close();
  }

  sighting(name: string): Sighting {
    return this.#seen.get(name) ?? { reachable: null, silentSinceMs: null, message: null, facts: null };
  }

  /** A connection beside the flips', for questions that nobody waits for in a hold. */
  find(name: string): FleetProxy | undefined {
    return this.#proxies.proxies.find((proxy) => proxy.name === name);
  }

  /** Proxies that answer and must not have traffic. */
  strangers(): readonly { readonly name: string; readonly message: string }[] {
    return this.#proxies.proxies.flatMap(({ name }) => {
      const message = this.sighting(name).reachable === true ? this.#warningOf(name) : null;
      return message === null ? [] : [{ name, message }];
    });
  }

  #warningOf(name: string): string | null {
    const view = this.#membership.view;
    if (view === null) return null;
    const row = view.proxies.find((each) => each.name === name);
    if (row?.standing === 'member') return null;
    return row === undefined
      ? 'answers and was never added to the fleet: keep traffic from it, then `fleet add`'
      : 'was removed from the fleet and answers again: what it routes by is stale; keep traffic from it, then `fleet add`';
  }

  async #watch(proxy: FleetProxy): Promise<void> {
    const { signal } = this.#stopping;
    let factsAtMs = Number.NEGATIVE_INFINITY;
    let warnedAtMs = Number.NEGATIVE_INFINITY;
    while (!signal.aborted) {
      const before = this.sighting(proxy.name);
      const nowMs = this.#clock.monotonicMs();
      const again = before.reachable !== true || nowMs - factsAtMs > factsEveryMs;
      try {
        await this.#membership.recent();
        const limit = AbortSignal.any([signal, this.#clock.timeoutSignal(answerWithinMs)]);
        if (again) {
          await this.#remember(proxy, await proxy.facts(limit));
          factsAtMs = nowMs;
        } else await proxy.ping(limit);
      } catch (error) {
        if (signal.aborted) break;
        if (!(error instanceof CutoverError)) this.#logger.error({ proxy: proxy.name, err: error }, 'a look failed');
        this.#silent(proxy.name, before, messageOf(error));
      }
      const warning = this.sighting(proxy.name).reachable === true ? this.#warningOf(proxy.name) : null;
      if (warning !== null && nowMs - warnedAtMs > warnEveryMs) {
        warnedAtMs = nowMs;
        this.#logger.error({ proxy: proxy.name, code: 'PROXY_NOT_MEMBER' }, `proxy ${proxy.name} ${warning}`);
      }
      await this.#clock.sleep(lookEveryMs, signal).catch(() => {});
    }
  }

  async #remember({ name }: FleetProxy, facts: ProxyFacts): Promise<void> {
    if (this.sighting(name).reachable !== true) this.#logger.info({ proxy: name, ...facts }, 'a proxy answers');
    this.#seen.set(name, { reachable: true, silentSinceMs: null, message: null, facts });
    const stored = this.#membership.view?.proxies.find((row) => row.name === name)?.facts;
    if (stored === undefined || JSON.stringify(stored) === JSON.stringify(facts)) return;
    await this.#store.rememberFacts(name, facts).catch((error: unknown) => {
      this.#logger.warn({ proxy: name, err: messageOf(error) }, 'what a proxy told of itself could not be kept');
    });
  }

  #silent(name: string, before: Sighting, message: string): void {
    const silentSinceMs = before.silentSinceMs ?? this.#clock.nowMs();
    if (before.reachable !== false) this.#logger.warn({ proxy: name, err: message }, 'a proxy does not answer');
    this.#seen.set(name, { reachable: false, silentSinceMs, message, facts: before.facts });
  }
}
