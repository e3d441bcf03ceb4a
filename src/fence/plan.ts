import type { Connection } from 'mysql2/promise';
import type { OrgTable } from '../ports/place.ts';

/** Which accounts write as what; names without host. An account in none of the lists is a client. */
export interface FenceUsers {
  /** Accounts with which the forward tasks write at the clusters. */
  readonly forward: readonly string[];
  /** Accounts with which the reverse tasks write at the sites. */
  readonly reverse: readonly string[];
  /** Purge, repair and the controller's own: the fence lets them pass. */
  readonly exempt: readonly string[];
}

/** A site with a connection as the account that is to be the triggers' definer. */
export interface FenceSite {
  readonly name: string;
  readonly serverId: number;
  readonly connection: Connection;
}

export interface FenceCluster {
  readonly name: string;
  readonly homeRegion: string;
  readonly connection: Connection;
}

/** Everything that the fence consists of. Sites are known to each other; clusters stand alone. */
export interface FencePlan {
  readonly sites: readonly FenceSite[];
  readonly clusters: readonly FenceCluster[];
  readonly tables: readonly OrgTable[];
  readonly users: FenceUsers;
  readonly orgIds: readonly number[];
}

/** Time-outs of the installation; what is left out takes {@link DEFAULT_PATIENCE}. */
export interface FencePatience {
  /** For DDL and rows to arrive at the other sites. */
  readonly replicationTimeoutMs: number;
  /** How often a table's lock is asked for, one second each time, with a pause between. */
  readonly lockAttempts: number;
}

export const DEFAULT_PATIENCE: FencePatience = { replicationTimeoutMs: 60_000, lockAttempts: 20 };
