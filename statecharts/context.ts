import type { Failure } from './effects.ts';
import type { Policy } from './policy.ts';

/** Phase that a paused or stuck migration goes on with. */
export type ResumePoint =
  | 'preflight'
  | 'snapshot'
  | 'replicating'
  | 'lagCheck'
  | 'verifying'
  | 'soaking'
  | 'rollingBack'
  | 'settlingBack'
  | 'comparingBack'
  | 'exportingLast'
  | 'completing'
  | 'cleaningUp';

/** What the machine remembers. Bulky results (findings, counts, positions) stay in the store. */
export interface MigrationContext {
  readonly migrationId: string;
  readonly orgId: number;
  readonly homeRegion: string;
  readonly policy: Policy;
  /** Number of the last attempt at a flip, either way; never reused. */
  readonly attempt: number;
  /** Which way the last attempt goes. */
  readonly direction: 'forward' | 'back';
  /** Attempts since the last approval or the beginning of the way back. */
  readonly tries: number;
  /** Generation of the replication tasks; task ids carry it. It grows over all moves of the org: an id is never asked for twice. */
  readonly generation: number;
  /** Generation before this move's first task. */
  readonly generationBefore: number;
  /** How often replication was begun. */
  readonly replicationTries: number;
  readonly largestLobBytes: number;
  /** Side that serves the org. */
  readonly serving: 'source' | 'held' | 'cluster';
  readonly approved: boolean;
  readonly pauseRequested: boolean;
  /** The end that a user asked for while it could not begin at once. */
  readonly returnRequested: 'rolledBack' | 'cancelled' | null;
  readonly verified: boolean;
  /** An approver lets go of what does not travel back; holds for one way back, until it stops before its commit. */
  readonly lossAccepted: boolean;
  /** A person left the org on the cluster though it could not go back: the guards of the way back only alert. */
  readonly stays: boolean;
  readonly resumeAt: ResumePoint;
  readonly outcome: 'completed' | 'rolledBack' | 'cancelled' | null;
  /** Why it waits, or why the last attempt failed. */
  readonly reason: Failure | null;
}

export interface MigrationInput {
  readonly migrationId: string;
  readonly orgId: number;
  readonly homeRegion: string;
  readonly policy: Policy;
  /** Last generation and last attempt of earlier moves of this org; 0 for the first. */
  readonly generationBefore: number;
  readonly attemptBefore: number;
}

export function initialContext(input: MigrationInput): MigrationContext {
  const { attemptBefore, ...own } = input;
  return {
    ...own,
    attempt: attemptBefore,
    direction: 'forward',
    tries: 0,
    generation: input.generationBefore,
    replicationTries: 0,
    largestLobBytes: 0,
    serving: 'source',
    approved: input.policy.approval === 'auto',
    pauseRequested: false,
    returnRequested: null,
    verified: false,
    lossAccepted: false,
    stays: false,
    resumeAt: 'preflight',
    outcome: null,
    reason: null,
  };
}

/** Wait before the next attempt: doubles from `flipBackoffMs` up to `flipBackoffMaxMs`. */
export function backoffMs(context: MigrationContext): number {
  const { flipBackoffMs, flipBackoffMaxMs } = context.policy;
  return Math.min(flipBackoffMaxMs, flipBackoffMs * 2 ** Math.max(0, context.tries - 1));
}
