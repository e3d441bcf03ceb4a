import type { SslOptions } from 'mysql2';
import type { BackupSource } from './operation.ts';

/** An account beside the main one. */
export interface Account {
  readonly user: string;
  readonly password: string;
}

/** Time-outs and pool sizes; what is left out takes {@link DEFAULT_TUNING}. */
export interface PlaceTuning {
  readonly connectTimeoutMs: number;
  /** Of the short statements: fence, marker, heartbeats, positions. */
  readonly statementTimeoutMs: number;
  /** Of counts, shapes and reads in a view. */
  readonly bulkTimeoutMs: number;
  readonly criticalConnections: number;
  readonly bulkConnections: number;
  /** Read views open at once, over all orgs. */
  readonly viewConnections: number;
}

export const DEFAULT_TUNING: PlaceTuning = {
  connectTimeoutMs: 3_000,
  statementTimeoutMs: 5_000,
  bulkTimeoutMs: 600_000,
  criticalConnections: 8,
  bulkConnections: 4,
  viewConnections: 16,
};

interface PlaceConfig {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly ssl?: SslOptions | undefined;
  /** Account that deletes an org's rows; the fence lets it pass. */
  readonly purge: Account;
  /** Where it stands when the place was last backed up. */
  readonly backup?: BackupSource | undefined;
  /** Answers with the bytes that are free on the data's disk, and those in all. */
  readonly disk?: { readonly query: string } | undefined;
  readonly tuning?: Partial<PlaceTuning> | undefined;
}

/** A MariaDB site. `serverId` is what the server must answer with. */
export interface SiteConfig extends PlaceConfig {
  readonly serverId: number;
}

/** An Aurora MySQL cluster (its writer endpoint). */
export interface ClusterConfig extends PlaceConfig {
  readonly homeRegion: string;
}
