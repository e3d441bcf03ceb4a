import type { DmsApi } from '../../../src/adapters/dms/api.ts';
import type { OpenWire } from '../../../src/adapters/mysql/wire.ts';
import type { StoreConfig, StorePool } from '../../../src/adapters/store/connection.ts';
import type { CompareOrg } from '../../../src/verification/index.ts';
import type { ConnectBackend } from '../proxy/backend.ts';
import type { SimProcess } from '../time/process.ts';

/** A database server of the world: a site, a cluster, the store's or CoreDB's. */
export interface WorldServer {
  /** Also its host name and the name of its process. */
  readonly name: string;
  /** Another one after a restart. */
  readonly process: SimProcess;
  /** As by SIGKILL: committed transactions stay, everything else is gone. */
  kill(): void;
  restart(): void;
  setReadOnly(readOnly: boolean): void;
}

/** A site or a cluster. */
export interface WorldPlace extends WorldServer {
  /** Who may write the org here, as committed; null where there is no row. */
  fenceWriter(orgId: number): string | null;
  /** By whose number the fence stands so, as committed; null where there is no row. */
  fenceEpoch(orgId: number): number | null;
  /** Committed rows of an org in a table: version by ID. */
  versions(table: string, orgId: number): ReadonlyMap<number, number>;
}

/** One journal row of the store, as committed. */
export interface WorldJournal {
  readonly id: string;
  readonly orgId: number;
  readonly state: string;
  readonly owner: string | null;
  readonly epoch: number;
  readonly revision: number;
  /** The reason that stands in the journal's context. */
  readonly reason: string | null;
  readonly serving: string;
  readonly approved: boolean;
  readonly ended: boolean;
}

/** One task of the simulated DMS; `reads` and `writes` are the names of places. */
export interface WorldTask {
  readonly id: string;
  readonly orgId: number;
  readonly reads: string;
  readonly writes: string;
  readonly status: string;
  /** It was started once: before that it carries nothing, and cannot be resumed. */
  readonly everRan: boolean;
}

/** Rows of an org that were deleted by the account that purges. */
export interface WorldPurge {
  readonly place: string;
  readonly orgId: number;
  readonly rows: number;
}

/** Everything of the world that keeps rows or moves them, and the controllers' ways to it. */
export interface Databases {
  readonly sites: readonly WorldPlace[];
  /** By home region. */
  readonly clusters: ReadonlyMap<string, WorldPlace>;
  readonly store: WorldServer;
  readonly coredb: WorldServer;
  /** The DMS service; a name that partitions are made with. */
  readonly dms: SimProcess;
  readonly connectBackend: ConnectBackend;
  /** Of one controller's process. */
  openWire(controller: SimProcess): OpenWire;
  openStore(controller: SimProcess): (config: StoreConfig) => StorePool;
  dmsApi(controller: SimProcess, homeRegion: string): DmsApi;
  readonly compareOrg: CompareOrg;
  journals(): readonly WorldJournal[];
  /** Migrations with an attempt whose hold hostgroup nobody else may use. */
  holdsInUse(): readonly string[];
  /** The newest attempt of each migration. */
  attempts(): ReadonlyMap<string, number>;
  /** Migrations with an order that their owner has not taken up yet. */
  ordersWaiting(): readonly string[];
  /** Grows with every commit at a site or a cluster: while it stays, so do fences and rows. */
  commits(): number;
  tasks(): readonly WorldTask[];
  onPurge(hear: (purge: WorldPurge) => void): void;
  /** Replication from one site to the other stands still, or goes on. */
  stallReplication(from: string, stalled: boolean): void;
  /** What a task meets; of all that are there one is picked by the seed. */
  troubleTask(trouble: 'fail' | 'stop' | 'lag'): string | null;
  moveHome(orgId: number, homeRegion: string): void;
}
