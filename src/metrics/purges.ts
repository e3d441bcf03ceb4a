import type { Counter, Registry } from 'prom-client';
import type { PurgeStore } from '../ports/purge.ts';
import { type PurgeState, purgeStates } from '../service/status.ts';
import { counter, gauge } from './registry.ts';
import { type Sample, sampleLimitMs } from './sampler.ts';

/** Removal of completed orgs' rows at the source: what this controller deleted, and all orders in the store by state. */
export class PurgeMeter {
  readonly #rows: Counter;
  #counts: Readonly<Partial<Record<PurgeState, number>>> | null = null;

  constructor(registry: Registry, homeRegions: readonly string[]) {
    this.#rows = counter(registry, {
      name: 'purged_rows_total',
      help: 'Rows of completed orgs that this controller deleted at the source',
      labels: ['home_region'],
    });
    for (const homeRegion of homeRegions) this.#rows.inc({ home_region: homeRegion }, 0);
    gauge(
      registry,
      {
        name: 'purges',
        help: 'Purges in the store by state, whoever carries them out: running, paused, stopped, cancelled, done',
        labels: ['state'],
      },
      (metric) => {
        if (this.#counts === null) return;
        for (const state of purgeStates) metric.set({ state }, this.#counts[state] ?? 0);
      },
    );
  }

  deleted(homeRegion: string, rows: number): void {
    this.#rows.inc({ home_region: homeRegion }, rows);
  }

  /** Asks the store; figures of one that does not answer any more are nobody's. */
  sample(store: Pick<PurgeStore, 'countPurges'>, everyMs: number): Sample {
    return {
      name: 'purges',
      everyMs,
      limitMs: sampleLimitMs,
      take: async () => {
        this.#counts = await store.countPurges().catch((error: unknown) => {
          this.#counts = null;
          throw error;
        });
      },
    };
  }
}
