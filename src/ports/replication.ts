import type { Finding } from './finding.ts';
import type { BinlogPosition, OrgTable } from './place.ts';

/** Which way a task carries rows. */
export type TaskDirection = 'forward' | 'reverse';

/** Org that nobody is: its reverse task carries the cluster's heartbeats alone, to prove the way back before it is needed. */
export const pseudoOrgId = 0;

/** Names one task of one org. `generation` makes ids unique: a task that was deleted is never asked for again. */
export interface TaskRef {
  readonly orgId: number;
  readonly homeRegion: string;
  readonly direction: TaskDirection;
  readonly generation: number;
}

/** What a task is to carry. `heartbeatSites` are the places whose heartbeats it carries: the sites' forward, the cluster's back. */
export interface TaskPlan {
  readonly ref: TaskRef;
  /** Empty for the pseudo org only. */
  readonly tables: readonly OrgTable[];
  readonly heartbeatSites: readonly string[];
  /** Size of the largest LOB, for LobMaxSize (bytes). */
  readonly largestLobBytes: number;
}

/** One table of a task. */
export interface TaskTable {
  readonly schema: string;
  readonly table: string;
  readonly state: string;
  readonly fullLoadRows: number;
  readonly inserts: number;
  readonly updates: number;
  readonly deletes: number;
}

/** A task as the last Describe saw it. */
export interface TaskState {
  readonly status: string;
  readonly stopReason: string | null;
  readonly lastFailure: string | null;
  readonly fullLoadPercent: number;
  /** Every table that is not well, with its state: `running` at 100 % is not health. */
  readonly erroredTables: readonly string[];
  readonly tables: readonly TaskTable[];
  /** Time of the observation, controller's clock, epoch milliseconds. */
  readonly observedAtMs: number;
}

/** One existing task of an org, as its id and the last Describe tell. */
export interface OrgTask {
  readonly id: string;
  readonly direction: TaskDirection;
  readonly generation: number;
  readonly status: string;
  readonly stopReason: string | null;
}

/** Tasks that a region or a replication instance has, and may have. */
export interface TaskQuota {
  readonly where: string;
  readonly used: number;
  readonly max: number;
}

/** As whom one of the shared endpoints logs in; null where DMS does not tell. */
export interface EndpointAccount {
  readonly direction: TaskDirection;
  readonly role: 'source' | 'target';
  readonly user: string | null;
}

/** AWS DMS, one instance for all regions. Every call is idempotent: it describes, decides, acts, and describes again. */
export interface Replication {
  /** Creates the task unless it is there; resolves when it is `ready` (or beyond) and its connections were tested. */
  ensureTask(plan: TaskPlan, signal: AbortSignal): Promise<void>;
  /**
   * Starts the task unless it already runs; `from` is given for a reverse task only. A task that ran before and
   * stopped resumes; it is never reloaded.
   */
  ensureStarted(ref: TaskRef, from: BinlogPosition | null, signal: AbortSignal): Promise<void>;
  /** Resolves when the full load is complete and every table well; `onProgress` hears each observation. Throws `TaskFailedError`. */
  waitFullLoad(ref: TaskRef, signal: AbortSignal, onProgress: (state: TaskState) => void): Promise<TaskState>;
  /** Stops and deletes the task; resolves when a Describe no longer shows it. Nothing to do where it is gone. */
  ensureGone(ref: TaskRef, signal: AbortSignal): Promise<void>;
  /** Ids of all tasks of this org, whatever generation, that still exist in the region (rule 8 asks this). */
  tasksOf(orgId: number, homeRegion: string, signal?: AbortSignal): Promise<readonly string[]>;
  /** The same tasks with their statuses; one sweep, for people. */
  describeTasksOf(orgId: number, homeRegion: string, signal?: AbortSignal): Promise<readonly OrgTask[]>;
  /** The last observation of the shared poller (null: no such task), and how old it is. */
  observe(ref: TaskRef): Promise<TaskState | null>;
  /** Throws where DMS of the region does not answer, or has no such region or credentials. */
  findings(homeRegion: string): Promise<readonly Finding[]>;
  /** Of the region that carries a home region's tasks, and of its replication instance. */
  taskQuotas(homeRegion: string, signal?: AbortSignal): Promise<readonly TaskQuota[]>;
  /** Asks once whether DMS of the region answers and has the instance; throws what names the reason. */
  ping(homeRegion: string, signal?: AbortSignal): Promise<void>;
  /** Of those shared endpoints that exist. */
  endpointAccounts(homeRegion: string): Promise<readonly EndpointAccount[]>;
  /** Ends the pollers and the clients. */
  close(): Promise<void>;
}
