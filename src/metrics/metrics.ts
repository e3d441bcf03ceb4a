import { collectDefaultMetrics, type Registry } from 'prom-client';
import type { MigrationContext } from '../../statecharts/context.ts';
import { faultOf } from '../adapters/dms/faults.ts';
import type { Logger } from '../driver/logger.ts';
import type { Heartbeats } from '../heartbeat/heartbeats.ts';
import type { Clock } from '../ports/clock.ts';
import type { OrgTable, Place } from '../ports/place.ts';
import type { PurgeStore } from '../ports/purge.ts';
import type { ConfiguredProxies } from '../ports/routing.ts';
import type { Store } from '../ports/store.ts';
import type { UpkeepReport } from '../ports/upkeep.ts';
import type { WaveStore } from '../ports/waves.ts';
import type { TryOutcome } from '../ports/webhooks.ts';
import { readVerification } from '../proof/record.ts';
import { AttemptMeter } from './attempts.ts';
import { CallMeter } from './calls.ts';
import { censusSample } from './census.ts';
import type { Edges } from './edges.ts';
import { type FleetMemory, showFleet } from './fleet.ts';
import { guard, type Keep } from './guard.ts';
import { OrgQueries } from './orgQueries.ts';
import { OwnedOrgs } from './orgs.ts';
import { placeSamples } from './places.ts';
import { PurgeMeter } from './purges.ts';
import { newRegistry } from './registry.ts';
import { Sampler } from './sampler.ts';
import { StoreMeter } from './store.ts';
import { trafficSample } from './traffic.ts';
import { showUpkeep } from './upkeep.ts';
import { VerificationMeter } from './verification.ts';
import { waveSample } from './waves.ts';
import { WebhookMeter } from './webhooks.ts';

/** How often what is asked of (milliseconds). */
export interface SamplingConfig {
  readonly everyMs: number;
  readonly queriesEveryMs: number;
  readonly storageEveryMs: number;
}

/** What is watched beside the work: everything here is asked, and nothing changed. */
export interface Watched {
  readonly places: readonly Place[];
  readonly tables: readonly OrgTable[];
  /** Connections of their own: what takes its time there keeps no flip waiting. */
  readonly proxies: ConfiguredProxies;
  readonly store: Store & WaveStore & Pick<PurgeStore, 'countPurges'>;
  readonly leaseMs: number;
}

/** Comparisons read after a take-over in one round. */
const verificationsAtOnce = 32;

/** All figures of one controller. The work goes past it at its edges; a scrape reads memory. */
export class Metrics {
  readonly registry: Registry = newRegistry();
  readonly edges: Edges;
  readonly #keep: Keep;
  readonly #orgs: OwnedOrgs;
  readonly #verifications: VerificationMeter;
  readonly #webhooks: WebhookMeter;
  readonly #purges: PurgeMeter;
  readonly #sampler: Sampler;
  #proxies: ConfiguredProxies | null = null;

  constructor(deps: { clock: Clock; logger: Logger; homeRegions: readonly string[] }) {
    const { registry } = this;
    const { clock } = deps;
    this.#keep = guard(registry, deps.logger);
    const keep = this.#keep;
    this.#orgs = new OwnedOrgs(registry, clock, deps.homeRegions);
    this.#verifications = new VerificationMeter(registry, this.#orgs, clock);
    this.#webhooks = new WebhookMeter(registry, clock);
    this.#purges = new PurgeMeter(registry, deps.homeRegions);
    this.#sampler = new Sampler(registry, clock, deps.logger);
    const store = new StoreMeter({
      registry,
      clock,
      keep,
      attempts: new AttemptMeter(registry, this.#orgs),
      verifications: this.#verifications,
    });
    const proxyCalls = { name: 'proxy_call', what: 'calls to a proxy’s admin interface', labels: ['proxy'] };
    const proxies = new CallMeter({ registry, clock, keep, ...proxyCalls });
    const dmsCalls = { name: 'dms_call', what: 'calls to DMS', labels: ['home_region'] };
    const dms = new CallMeter({ registry, clock, keep, ...dmsCalls, codeOf: dmsCode });
    this.edges = {
      store: (given) => store.wrap(given),
      proxy: (proxy) => proxies.wrap(proxy, { proxy: proxy.name }),
      dms: (api, homeRegion) => dms.wrap(api, { home_region: homeRegion }),
    };
  }

  /** Shows what the controller's memory has. */
  showMemory(heartbeats: Pick<Heartbeats, 'lag'>, fleet: FleetMemory): void {
    this.#orgs.showLag(this.registry, (orgId) => heartbeats.lag(orgId));
    showFleet(this.registry, fleet);
  }

  /** Shows what this controller's rounds over the proxies find. */
  showUpkeep(report: () => UpkeepReport | null): void {
    showUpkeep(this.registry, report);
  }

  /** A step of a move; `sinceMs` is when its state began (epoch milliseconds). */
  onState(context: MigrationContext, state: string, sinceMs: number): void {
    this.#keep(() => this.#orgs.onState(context, state, sinceMs));
  }

  onReleased({ migrationId }: MigrationContext): void {
    this.#orgs.onReleased(migrationId);
    this.#verifications.forget(migrationId);
  }

  /** Hooks that there are, so that their figures begin with nothing. */
  showWebhooks(hooks: readonly string[]): void {
    this.#webhooks.begin(hooks);
  }

  onWebhookTried(hook: string, outcome: TryOutcome['outcome']): void {
    this.#keep(() => this.#webhooks.tried(hook, outcome));
  }

  /** Rows that a purge has deleted at the source. */
  onPurged(homeRegion: string, rows: number): void {
    this.#keep(() => this.#purges.deleted(homeRegion, rows));
  }

  /** Begins to ask, and to show what the process itself needs. */
  startSampling({ places, tables, proxies, store, leaseMs }: Watched, config: SamplingConfig): void {
    this.#proxies = proxies;
    collectDefaultMetrics({ register: this.registry });
    const census = censusSample(this.registry, store, { leaseMs, everyMs: config.everyMs });
    this.#sampler.add({
      ...census,
      take: async (signal) => void (await Promise.all([census.take(signal), this.#catchUp(store)])),
    });
    this.#sampler.add(this.#purges.sample(store, config.everyMs));
    this.#sampler.add(waveSample(this.registry, store, config.everyMs));
    this.#sampler.add(trafficSample(this.registry, proxies.proxies, config.everyMs));
    const queries = new OrgQueries(this.registry, this.#orgs, proxies.proxies);
    if (config.queriesEveryMs > 0) this.#sampler.add(queries.sample(config.queriesEveryMs));
    for (const sample of placeSamples(this.registry, places, tables, config)) this.#sampler.add(sample);
  }

  /** What was compared before this controller owned a move. */
  async #catchUp(store: Store): Promise<void> {
    for (const id of this.#verifications.unknown.slice(0, verificationsAtOnce)) {
      const result = await readVerification(store, id);
      if (this.#verifications.unknown.includes(id)) this.#verifications.stored(id, result);
    }
  }

  /** In Prometheus' text format. */
  text(): Promise<string> {
    return this.registry.metrics();
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  async stop(): Promise<void> {
    await this.#sampler.stop();
    this.#proxies?.close();
  }
}

/** What became of a call to DMS that was not done. */
function dmsCode(error: unknown): string {
  const fault = faultOf(error);
  if (fault === null) return 'INTERNAL';
  return fault.kind === 'unanswered' && fault.throttled ? 'throttled' : fault.kind;
}
