import type { DatabaseMigrationServiceClientConfig } from '@aws-sdk/client-database-migration-service';
import type { Clock } from '../../ports/clock.ts';
import type { DmsApi } from './api.ts';

/** The two endpoints of one direction. All orgs of a region share them. */
export interface DmsEndpoints {
  readonly sourceEndpointArn: string;
  readonly targetEndpointArn: string;
}

/** DMS as one home region uses it. */
export interface DmsRegion {
  /** AWS region of the replication instance. */
  readonly region: string;
  /** URL instead of AWS's own. */
  readonly endpoint?: string;
  /** Instead of the SDK's own search for credentials. */
  readonly credentials?: NonNullable<DatabaseMigrationServiceClientConfig['credentials']>;
  readonly replicationInstanceArn: string;
  readonly forward: DmsEndpoints;
  readonly reverse: DmsEndpoints;
}

/** Where the heartbeats are kept, the same at every place. */
export interface HeartbeatTable {
  readonly schema: string;
  readonly table: string;
  readonly orgColumn: string;
  readonly siteColumn: string;
}

/** What the adapter logs to; pino's loggers fit. */
export interface DmsLogger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** How many API calls a region may see from us. */
export interface ApiRate {
  /** Calls that may come at once. */
  readonly burst: number;
  /** Calls a second, sustained. */
  readonly perSecond: number;
}

export interface ReplicationOptions {
  /** By home region. */
  readonly regions: Readonly<Record<string, DmsRegion>>;
  readonly heartbeat: HeartbeatTable;
  /** First part of every task id: lower-case letters, digits and single hyphens. */
  readonly taskPrefix: string;
  readonly clock: Clock;
  /** Time between two Describes while somebody waits (ms). */
  readonly pollIntervalMs: number;
  /** The same while tasks are only watched; five times `pollIntervalMs` if absent. */
  readonly watchIntervalMs?: number;
  /** How long a Describe may lag behind what was done (ms). An absence counts once it was seen for this long. */
  readonly settleMs?: number;
  /** How long DMS may be silent or throttle before a caller hears of it (ms). */
  readonly giveUpAfterMs?: number;
  /** Time-out of one request (ms). */
  readonly requestTimeoutMs?: number;
  readonly apiRate?: ApiRate;
  /** Put on every task. */
  readonly tags?: Readonly<Record<string, string>>;
  readonly logger?: DmsLogger;
  /** Replaces the SDK, for a simulation. */
  readonly connect?: (region: DmsRegion, homeRegion: string) => DmsApi;
}

/** Documented bucket: 100 to 200 calls, 4 to 8 a second. Half of the smaller one, so that consoles and others find room. */
export const defaultApiRate: ApiRate = { burst: 50, perSecond: 4 };
export const defaultSettleMs = 2_000;
export const defaultGiveUpAfterMs = 60_000;
export const defaultRequestTimeoutMs = 15_000;
