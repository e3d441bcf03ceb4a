import type { PurgeState, PurgeStatus } from '../service/status.ts';

/** An order to remove a completed org's rows at the source. The org's move has ended: this is a job beside the machine. */
export interface PurgeOrder {
  readonly migrationId: string;
  readonly orgId: number;
  readonly homeRegion: string;
}

/** A purge that a controller owns. */
export interface OwnedPurge extends PurgeOrder {
  /** Newer than everything that was written for the org before: the fences of the sites take it. */
  readonly epoch: number;
  readonly status: PurgeStatus;
}

/** What became of a record: a state other than `running` ends the work, and so does another owner. */
export type PurgeRecorded = PurgeState | 'lost';

/** Orders to purge and their progress. Throws `StoreUnavailableError` where the store does not answer. */
export interface PurgeStore {
  /** Milliseconds since a migration entered its state, by the store’s clock: that of one controller shall not decide it. */
  ageInState(migrationId: string): Promise<number>;
  /** Begins one, or begins one again that was cancelled; false where there is another that has not been. */
  beginPurge(order: PurgeOrder, status: PurgeStatus): Promise<boolean>;
  readPurge(migrationId: string): Promise<PurgeStatus | null>;
  /** Puts the change into the status of a purge that is in one of the states `from`; false where it is in another. */
  changePurge(migrationId: string, from: readonly PurgeState[], change: Partial<PurgeStatus>): Promise<boolean>;
  /**
   * Takes the oldest purge that runs and has no living owner, under a new epoch. Null where there is none, or where
   * `atOnce` others are owned already.
   */
  claimPurge(instance: string, graceMs: number, atOnce: number): Promise<OwnedPurge | null>;
  /** Writes how far the owner of this epoch is. Nothing is written where it runs no more, or belongs to somebody else. */
  recordPurge(migrationId: string, epoch: number, status: PurgeStatus): Promise<PurgeRecorded>;
  /** Lets go of what this controller purges, so that another goes on at once. */
  letPurgesGo(instance: string): Promise<void>;
  /** Numbers of purges by state. */
  countPurges(): Promise<Readonly<Partial<Record<PurgeState, number>>>>;
}
