import { policyDefaults } from '../../src/config/index.ts';
import { Metrics, type Watched } from '../../src/metrics/metrics.ts';
import type { FleetStore } from '../../src/ports/fleet.ts';
import type { Store } from '../../src/ports/store.ts';
import type { UpkeepReport } from '../../src/ports/upkeep.ts';
import type { MigrationContext } from '../../statecharts/context.ts';
import { FakeClock } from '../soaking/fakeClock.ts';
import { planned, policyWith } from '../statecharts/machine.ts';
import { Scrape } from './scrape.ts';

/** The figures of a controller in a test's hands. */
export class MetricsWorld {
  readonly clock = new FakeClock();
  readonly logged: unknown[] = [];
  readonly lags = new Map<number, { lagMs: number; origin: string; atMs: number }>();
  readonly metrics: Metrics;
  upkeep: UpkeepReport | null = null;

  constructor() {
    const line = (fields: object) => void this.logged.push(fields);
    const logger = { debug: () => {}, info: () => {}, warn: line, error: line };
    this.metrics = new Metrics({ clock: this.clock, logger, homeRegions: ['eu-west-2'] });
    this.metrics.showMemory(
      { lag: (orgId) => this.lags.get(orgId) ?? null },
      { names: ['p1'], reachable: () => true, view: () => null, waitingFor: () => [] },
    );
    this.metrics.showUpkeep(() => this.upkeep);
  }

  /** A step of an org's move. */
  step(orgId: number, state: string, changed: Partial<MigrationContext> = {}, sinceMs = this.clock.nowMs()): void {
    this.metrics.onState(contextOf(orgId, changed), state, sinceMs);
  }

  /** Begins to ask, of what is given; of nothing else there is anything. */
  startSampling(watched: Partial<Watched> = {}): void {
    const store = {
      census: async () => ({ active: [], ended: [], controllers: 1 }),
      frozen: async () => null,
      waveCensus: async () => [],
      countPurges: async () => ({}),
    };
    const proxies = { proxies: [], tellsErrorsApart: true, close: () => {} };
    this.metrics.startSampling(
      { places: [], tables: [], proxies, store: store as never, leaseMs: 2_000, ...watched },
      { everyMs: 1_000, queriesEveryMs: 1_000, storageEveryMs: 1_000 },
    );
  }

  /** A sign of life, answered by the store as given. */
  async beat(answer: Store['beatController']): Promise<void> {
    const store = { beatController: answer } as Pick<Store, 'beatController'> as Store & FleetStore;
    await this.metrics.edges.store(store).beatController('me');
  }

  async scrape(): Promise<Scrape> {
    return Scrape.parse(await this.metrics.text());
  }
}

export function contextOf(orgId: number, changed: Partial<MigrationContext> = {}): MigrationContext {
  const { context } = planned(policyWith());
  const own = { migrationId: `m-${orgId}`, orgId, homeRegion: 'eu-west-2', policy: policyDefaults };
  return { ...context, ...own, ...changed };
}
