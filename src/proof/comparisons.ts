import type { MigrationContext } from '../../statecharts/context.ts';
import { Semaphore } from '../adapters/mysql/semaphore.ts';
import { policyDefaults } from '../config/index.ts';
import type { SourceLoad } from '../estate/sourceLoad.ts';
import type { Heartbeats } from '../heartbeat/heartbeats.ts';
import type { Clock } from '../ports/clock.ts';
import type { Place } from '../ports/place.ts';

/** How comparisons are kept from being felt. */
export interface ComparisonLimits {
  /** Comparisons at once, over all orgs of this controller. */
  readonly atOnce: number;
  /** Chunks at once of each comparison: read views of each side. */
  readonly viewsPerSide: number;
  /** Statements running at a place beyond which no further chunk begins. */
  readonly busyThreads: number;
  /** Read views of each side that a flip pins for its cutover point; 0: on the way there the live sides are compared. */
  readonly cutoverViews: number;
}

/** Time that a comparison waits before it looks again (milliseconds). */
const waitMs = 500;
/** A chunk waits no longer (milliseconds): a comparison is slowed down to a twentieth, and comes to its end all the same. */
const longestWaitMs = 10_000;

/** What all comparisons of a controller share. */
export class Comparisons {
  readonly limits: ComparisonLimits;
  readonly #clock: Clock;
  readonly #heartbeats: Pick<Heartbeats, 'lag'>;
  readonly #turns: Semaphore;
  readonly #load: Pick<SourceLoad, 'threadsAt' | 'strain'>;

  constructor(deps: {
    limits: ComparisonLimits;
    clock: Clock;
    heartbeats: Pick<Heartbeats, 'lag'>;
    load: Pick<SourceLoad, 'threadsAt' | 'strain'>;
  }) {
    this.limits = deps.limits;
    this.#clock = deps.clock;
    this.#heartbeats = deps.heartbeats;
    this.#load = deps.load;
    this.#turns = new Semaphore(deps.clock, deps.limits.atOnce);
  }

  /** Runs the work when it is its turn. */
  async inTurn<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#turns.acquire('waiting for the turn to compare', { signal });
    try {
      return await work();
    } finally {
      this.#turns.release();
    }
  }

  /** Resolves when the next chunk may begin: neither place is busy, and the org's lag is what the policy takes. Or late. */
  async pace(
    migration: MigrationContext,
    places: readonly Place[],
    waitsFor: (what: string | null) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const untilMs = this.#clock.monotonicMs() + longestWaitMs;
    while (this.#clock.monotonicMs() < untilMs) {
      signal.throwIfAborted();
      const inTheWay = await this.#inTheWay(migration, places);
      if (inTheWay === null) return;
      waitsFor(`the comparison: it waits while ${inTheWay}`);
      await this.#clock.sleep(waitMs, signal);
    }
  }

  async #inTheWay(migration: MigrationContext, places: readonly Place[]): Promise<string | null> {
    const policy = { ...policyDefaults, ...migration.policy };
    const lagLimitMs =
      migration.serving === 'cluster' ? Math.max(policy.lagGateMs, policy.reverseLagMs / 2) : policy.lagGateMs * 2;
    const lag = this.#heartbeats.lag(migration.orgId);
    if (lag !== null && lag.lagMs > lagLimitMs) return `the lag is ${Math.round(lag.lagMs)} ms`;
    for (const place of places) {
      const threads = await this.#load.threadsAt(place);
      if (threads > this.limits.busyThreads) return `${threads} statements run at ${place.name}`;
    }
    return this.#load.strain(migration.orgId);
  }
}
