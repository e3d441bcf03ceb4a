import type { Logger } from '../driver/logger.ts';
import { isTransient, messageOf } from '../errors/index.ts';
import type { Clock } from '../ports/clock.ts';
import type { FleetStore, FleetView } from '../ports/fleet.ts';
import type { ConfiguredProxies, FleetProxy, Routing } from '../ports/routing.ts';
import { SharedReading } from '../soaking/shared.ts';
import { absentProxy } from './absent.ts';

/** Loops that ask again and again share a reading of this age (milliseconds). */
const recentMs = 200;

/**
 * Which of the configured proxies are members. It stands in the store, for all controllers. Three rules keep a flip
 * whole: an attempt reads it afresh before it prepares; it commits only on the very fleet that it prepared (the store
 * compares the revision); and every loop that waits for a proxy asks whether the proxy is still a member.
 */
export class Membership implements Routing {
  readonly #configured: ConfiguredProxies;
  readonly #store: Pick<FleetStore, 'readFleet' | 'enrolFleet'>;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #recent: SharedReading<FleetView>;
  /** Null before the store has answered: then all that the configuration names count. */
  #view: FleetView | null = null;
  #members: readonly FleetProxy[];

  constructor(deps: {
    configured: ConfiguredProxies;
    store: Pick<FleetStore, 'readFleet' | 'enrolFleet'>;
    clock: Clock;
    logger: Logger;
  }) {
    this.#configured = deps.configured;
    this.#store = deps.store;
    this.#clock = deps.clock;
    this.#logger = deps.logger;
    this.#members = deps.configured.proxies;
    this.#recent = new SharedReading(deps.clock, recentMs, () => this.refresh());
  }

  get proxies(): readonly FleetProxy[] {
    return this.#members;
  }

  get tellsErrorsApart(): boolean {
    return this.#configured.tellsErrorsApart;
  }

  /** As last read; null before the first reading. */
  get view(): FleetView | null {
    return this.#view;
  }

  /** A proxy of the configuration, member or not. */
  find(name: string): FleetProxy | undefined {
    return this.#configured.proxies.find((proxy) => proxy.name === name);
  }

  /** Admits what may be admitted without being asked for, and reads the fleet for the first time. */
  async start(): Promise<void> {
    const names = this.#configured.proxies.map(({ name }) => name);
    await this.#store.enrolFleet(names, this.#clock.nowMs());
    const { proxies } = await this.refresh();
    const waiting = names.filter((name) => !proxies.some((row) => row.name === name));
    if (waiting.length > 0) {
      this.#logger.warn(
        { proxies: waiting },
        'proxies of the configuration are no members yet: add them before they get traffic',
      );
    }
  }

  async refresh(): Promise<FleetView> {
    const view = await this.#store.readFleet();
    // An answer that was overtaken says what is no longer so.
    if (this.#view !== null && view.revision < this.#view.revision) return this.#view;
    const changed = this.#view?.revision !== view.revision;
    this.#view = view;
    if (!changed) return view;
    const absent = new Map(this.#members.map((proxy) => [proxy.name, proxy]));
    this.#members = view.proxies
      .filter(({ standing }) => standing === 'member')
      .map(({ name }) => this.find(name) ?? absent.get(name) ?? absentProxy(name));
    return view;
  }

  async recent(): Promise<void> {
    try {
      await this.#recent.get();
    } catch (error) {
      if (!isTransient(error)) throw error;
      this.#logger.debug({ err: messageOf(error) }, 'the fleet could not be read; what was last read counts');
    }
  }

  counts(proxy: FleetProxy): boolean {
    return this.#members.includes(proxy);
  }

  close(): void {
    this.#configured.close();
  }
}
