import type { Reason } from '../service/status.ts';
import type { WaveSettings } from '../waves/settings.ts';

export const waveStates = [
  'planned',
  'running',
  'paused',
  'cancelling',
  'rollingBack',
  'completed',
  'cancelled',
  'rolledBack',
] as const;
export type WaveState = (typeof waveStates)[number];

/** Who gave a wave a command. Its orgs are created, started and let go in such a name. */
export interface WaveActor {
  readonly name: string;
  readonly role: 'viewer' | 'operator' | 'approver' | 'admin';
  readonly from: string;
}

/** Troubles of one org that somebody has seen, and resumed the wave all the same. */
export interface Seen {
  readonly wentBack: boolean;
  readonly stuck: boolean;
  readonly attempts: number;
  readonly aborts: number;
  readonly longestPauseMs: number;
}

/** What is kept of a wave beside its state. */
export interface WaveDocument {
  readonly settings: WaveSettings;
  /** Whether anybody has to approve it, and whether that may be who created or started it: the policy when it was made. */
  readonly approval: 'manual' | 'auto';
  readonly approvedBy: 'another' | 'anyone';
  readonly creator: WaveActor;
  readonly starter: WaveActor | null;
  readonly approver: WaveActor | null;
  /** Who ended it before its end. */
  readonly ender: WaveActor | null;
  /** Why it paused or ended as it did. */
  readonly reason: Reason | null;
  readonly seen: Readonly<Record<string, Seen>>;
  readonly history: readonly { readonly atMs: number; readonly message: string }[];
}

export interface WaveRow {
  readonly id: string;
  readonly name: string;
  readonly state: WaveState;
  readonly sinceMs: number;
  readonly createdAtMs: number;
  readonly ended: boolean;
  readonly document: WaveDocument;
  /** Grows with every change of the row; one is made only on the revision that it was computed from. */
  readonly revision: number;
  readonly orgs: number;
}

/** An org of a wave, and what was asked for it. */
export interface WaveOrg {
  readonly orgId: number;
  /** Its place in the order, from 1. */
  readonly position: number;
  /** When the wave was made; asked anew by every step that writes. */
  readonly homeRegion: string;
  /** Rows at the source when the wave was made, as the indexes estimate them. */
  readonly rows: number;
  readonly canary: boolean;
  readonly askedToStart: boolean;
  /** Attempts at a flip that it had when it was let go; null while it was not. */
  readonly attemptsWhenLetGo: number | null;
  /** Why it could not be created or started. */
  readonly refusal: Reason | null;
}

/** The move of an org of a wave, as far as the wave has to know it. */
export interface WaveMove {
  readonly orgId: number;
  readonly migrationId: string;
  readonly state: string;
  readonly sinceMs: number;
  readonly createdAtMs: number;
  readonly ended: boolean;
  readonly side: 'source' | 'held' | 'cluster' | 'unknown';
  readonly approved: boolean;
  readonly reason: string | null;
  /** Somebody has said already how it ends: it goes back, or stays on its cluster though it could not. */
  readonly decided: 'back' | 'stays' | null;
  /** Number of its last attempt at a flip, also of one that came to nothing before it was begun in the store. */
  readonly attempts: number;
  /** Of its attempts forward those that ended without a commit. */
  readonly aborts: number;
  readonly longestPauseMs: number | null;
  /** When its first attempt began: it was loaded and in step by then. */
  readonly firstAttemptMs: number | null;
}

/** A wave that has not ended, in figures. */
export interface WaveCensus {
  readonly id: string;
  readonly state: WaveState;
  readonly orgs: number;
  /** Code of why it paused by itself; null where it did not. */
  readonly stoppedBy: string | null;
  readonly moves: readonly { readonly phase: string; readonly moves: number }[];
}

/** The right to drive waves, which one controller has. */
export interface WaveLease {
  readonly instance: string;
  readonly epoch: number;
}

/** Waves, for all controllers. Throws `StoreUnavailableError` where the store does not answer. */
export interface WaveStore {
  /**
   * Writes a wave with its orgs, or nothing: `WaveOverlapError` where one of them is in another wave that has not ended.
   */
  createWave(
    wave: Pick<WaveRow, 'id' | 'name' | 'createdAtMs' | 'document'>,
    orgs: readonly Pick<WaveOrg, 'orgId' | 'homeRegion' | 'rows' | 'canary'>[],
  ): Promise<void>;
  getWave(id: string): Promise<WaveRow | null>;
  /** In the order in which they were made. */
  listWaves(query: { state?: WaveState; ended?: boolean; after?: string; limit: number }): Promise<readonly WaveRow[]>;
  waveCensus(): Promise<readonly WaveCensus[]>;
  waveOrgs(id: string): Promise<readonly WaveOrg[]>;
  waveMoves(id: string): Promise<readonly WaveMove[]>;
  /** Orgs that move or have moved, with the migration that they move or moved with. */
  orgsMoving(): Promise<ReadonlyMap<number, { readonly migrationId: string; readonly completed: boolean }>>;
  /** Orgs of waves that have not ended, with their wave. */
  orgsInWaves(): Promise<ReadonlyMap<number, string>>;
  /** True once it is written; false where the wave is another by now. An ended wave's orgs are free for others. */
  changeWave(
    row: Pick<WaveRow, 'id' | 'revision'>,
    change: Pick<WaveRow, 'state' | 'sinceMs' | 'ended' | 'document'>,
    lease?: WaveLease,
  ): Promise<boolean>;

  /** Takes the right to drive, or keeps it; null while another controller has it, which may be silent for `leaseMs`. */
  keepWaves(instance: string, leaseMs: number): Promise<WaveLease | null>;
  letWavesGo(instance: string): Promise<void>;
  /**
   * Writes down, before anything is asked of an org, that it is: whoever drives next counts it. False where the lease is
   * another's by now, or the wave is not `running` any more.
   */
  askToStart(lease: WaveLease, id: string, orgId: number): Promise<boolean>;
  letGo(lease: WaveLease, id: string, orgId: number, attempts: number): Promise<boolean>;
  /** Takes `letGo` back. */
  withdraw(lease: WaveLease, id: string, orgId: number): Promise<boolean>;
  refuseOrg(lease: WaveLease, id: string, orgId: number, refusal: Reason): Promise<boolean>;
}
