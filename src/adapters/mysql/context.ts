import { randomInt } from 'node:crypto';
import type { Clock } from '../../ports/clock.ts';
import { systemClock } from '../clock.ts';
import type { ClusterConfig, PlaceTuning, SiteConfig } from './config.ts';
import { DEFAULT_TUNING } from './config.ts';
import { type PoolOptions, SessionPool } from './pool.ts';
import { type ConnectionTarget, type OpenWire, openWire } from './wire.ts';

/** What a place is by configuration. */
export type PlaceKey =
  | { readonly kind: 'site'; readonly name: string; readonly homeRegion: null; readonly serverId: number }
  | { readonly kind: 'cluster'; readonly name: string; readonly homeRegion: string };

/** What a place takes from the machine that it runs on; a simulation gives its own. */
export interface PlaceMachine {
  readonly clock: Clock;
  readonly openWire: OpenWire;
  /** A whole number from 0 to below `end`. */
  readonly randomInt: (end: number) => number;
}

export const THIS_MACHINE: PlaceMachine = { clock: systemClock, openWire, randomInt };

/** What every operation of a place is given. */
export interface PlaceContext {
  readonly key: PlaceKey;
  readonly machine: PlaceMachine;
  readonly tuning: PlaceTuning;
  /** Fence, markers, heartbeats, positions: kept open, so that nothing is opened inside the pause. */
  readonly critical: SessionPool;
  /** Ends others' statements and looks at what they wait for: never busy with waiting itself. */
  readonly watch: SessionPool;
  readonly bulk: SessionPool;
  readonly views: SessionPool;
  readonly purge: SessionPool;
  close(): Promise<void>;
}

const WATCH_CONNECTIONS = 3;
const PURGE_CONNECTIONS = 2;
const BULK_QUEUE_MS = 60_000;

/** The pools of a place; nothing is opened yet. */
export function placeContext(
  key: PlaceKey,
  config: SiteConfig | ClusterConfig,
  machine: PlaceMachine = THIS_MACHINE,
): PlaceContext {
  const tuning = { ...DEFAULT_TUNING, ...config.tuning };
  const main: ConnectionTarget = config;
  const purger: ConnectionTarget = { ...config, ...config.purge };
  const short = {
    clock: machine.clock,
    openWire: machine.openWire,
    place: key.name,
    target: main,
    isolation: 'READ COMMITTED',
    connectTimeoutMs: tuning.connectTimeoutMs,
    queryTimeoutMs: tuning.statementTimeoutMs,
  } satisfies Partial<PoolOptions>;
  const long = { ...short, queryTimeoutMs: tuning.bulkTimeoutMs } satisfies Partial<PoolOptions>;

  const watch = new SessionPool({ ...short, limit: WATCH_CONNECTIONS, killer: null });
  const critical = new SessionPool({ ...short, limit: tuning.criticalConnections, killer: watch });
  // Many orgs that count or look around at once wait for each other: that says nothing against the place.
  const bulk = new SessionPool({
    ...long,
    limit: tuning.bulkConnections,
    queueTimeoutMs: BULK_QUEUE_MS,
    killer: watch,
  });
  const views = new SessionPool({
    ...long,
    isolation: 'REPEATABLE READ',
    limit: tuning.viewConnections,
    killer: watch,
  });
  // Only the same account may end its statements without being an administrator.
  const purgeWatch = new SessionPool({ ...short, target: purger, limit: 1, killer: null });
  const purge = new SessionPool({
    ...short,
    target: purger,
    limit: PURGE_CONNECTIONS,
    queueTimeoutMs: BULK_QUEUE_MS,
    killer: purgeWatch,
  });

  return {
    key,
    machine,
    tuning,
    critical,
    watch,
    bulk,
    views,
    purge,
    async close() {
      // Those that end others' statements come last.
      await Promise.all([critical, bulk, views, purge].map((pool) => pool.close()));
      await Promise.all([watch, purgeWatch].map((pool) => pool.close()));
    },
  };
}
