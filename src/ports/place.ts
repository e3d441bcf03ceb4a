import type { TableName } from '../catalogue/catalogue.ts';
import type { Finding } from './finding.ts';
import type { Inventory } from './inventory.ts';
import type { AutoIncrement, DiskSpace, PlaceSettings, UndoLoad } from './settings.ts';
import type { PlaceLoad, TableSize } from './traffic.ts';

/**
 * A place is where an org's rows live: a site (MariaDB) or a cluster (Aurora MySQL). Both have the same fence, the
 * same heartbeat and the same read views, so that the way back is the way there with the places exchanged.
 */

/** Who may write an org at a place. `forward` and `reverse` are the users of the DMS tasks. */
export type FenceWriter = 'clients' | 'forward' | 'reverse' | 'nobody';

/** The fence row of one org at one place. */
export interface FenceRow {
  readonly writer: FenceWriter;
  readonly epoch: number;
}

/** Proves that everything before it in its GTID domain arrived; tested for equality, never for order. */
export interface Marker {
  readonly epoch: number;
  readonly attempt: number;
  readonly nonce: string;
}

/** One heartbeat row as read at a place. `writtenAt` is the writing server's own clock and never used for lag. */
export interface Heartbeat {
  readonly site: string;
  readonly seq: number;
  readonly writtenAt: string;
  readonly marker: Marker | null;
}

/** A binlog position: `file:position` is what a DMS task starts from, `gtid` is for people and for comparison. */
export interface BinlogPosition {
  readonly file: string;
  readonly position: number;
  readonly gtid: string;
}

/** One column as information_schema tells it, in the place's own dialect. */
export interface ColumnShape {
  readonly name: string;
  readonly type: string;
  readonly nullable: boolean;
  readonly characterSet: string | null;
  readonly collation: string | null;
  readonly generated: boolean;
}

/** Shape of one table. `exists` is false where the place has no such table. */
export interface TableShape {
  readonly table: string;
  readonly exists: boolean;
  readonly primaryKey: readonly string[];
  readonly columns: readonly ColumnShape[];
}

/** Rows and bytes of one org in one table. */
export interface TableCount {
  readonly table: string;
  readonly rows: number;
  readonly dataBytes: number;
  readonly largestLobBytes: number;
}

/** Something another connection waits for that a fence or view of ours could be in the way of. */
export interface ReadView {
  /** Runs one read-only statement inside the view; values come as strings, Buffers or null. */
  query(sql: string, values?: readonly unknown[]): Promise<readonly Record<string, string | Buffer | null>[]>;
  /** Ends the view's transaction and gives its connection back. Never throws. */
  close(): Promise<void>;
}

/** A transaction that is open at a place. Reads in it see what was written in it. */
export interface RowTransaction extends ReadView {
  /** Runs one statement; resolves to the rows that it changed. */
  run(sql: string): Promise<number>;
}

/** Identity of a place, read on the very connection that writes. */
export interface PlaceIdentity {
  readonly kind: 'site' | 'cluster';
  readonly name: string;
  readonly homeRegion: string | null;
}

/** Sessions of one user from one host, as the place sees it: an address, or a name where the server looks names up. */
export interface ClientHost {
  readonly host: string;
  readonly user: string;
  readonly sessions: number;
}

/** Tables that belong to orgs, from the configuration's catalogue. */
export interface OrgTable {
  readonly schema: string;
  readonly table: string;
  readonly orgColumn: string;
}

/** Where a server listens. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

/** Another server of a place, which answers reads only. */
export interface PlaceReader {
  readonly name: string;
  readHeartbeats(orgIds: readonly number[], signal?: AbortSignal): Promise<ReadonlyMap<number, readonly Heartbeat[]>>;
  /** What it says that it is. */
  identity(signal?: AbortSignal): Promise<PlaceIdentity>;
}

/** A privilege that an account of the controller's needs and has not. */
export interface MissingPrivilege {
  readonly account: string;
  readonly privilege: string;
  /** `*.*`, or `schema.table`. */
  readonly on: string;
}

/** What an account of others may do with one table, and everywhere. */
export interface AccountFacts {
  readonly user: string;
  /** From where it may come, as a pattern. */
  readonly host: string;
  readonly plugin: string;
  /** What the server keeps of its password. Never to be shown. */
  readonly hash: string;
  readonly locked: boolean;
  readonly expired: boolean;
  readonly tlsRequired: boolean;
  /** Connections that it may have; 0: as many as the server takes. */
  readonly maxConnections: number;
  /** It has roles: what they give is not among the privileges. */
  readonly hasRoles: boolean;
  /** Privileges, in the words of GRANT, by `schema.table`. */
  readonly onTables: ReadonlyMap<string, ReadonlySet<string>>;
  readonly everywhere: ReadonlySet<string>;
}

/** Accounts of the names that were asked for; null where the controller's own may not see them. */
export interface Accounts {
  readonly accounts: readonly AccountFacts[] | null;
  /** The server takes no connection without TLS. */
  readonly tlsRequired: boolean;
}

/** A statement to be prepared with a default schema, as its client has it. */
export interface StatementForm {
  readonly schema: string;
  readonly sql: string;
}

/** Why a server does not prepare a statement. What it says of syntax repeats the statement and is left out. */
export interface PrepareRefusal {
  readonly errno: number;
  readonly message: string | null;
}

/** A site or a cluster. Every method may throw a `PlaceError`; a `signal` ends waiting with its reason. */
export interface Place {
  readonly kind: 'site' | 'cluster';
  readonly name: string;
  /** Region of a cluster; null at a site. */
  readonly homeRegion: string | null;

  /** Answers within the time-out, or throws. */
  ping(signal?: AbortSignal): Promise<void>;
  /** Opens (or keeps warm) the connections that a flip needs, so that none is opened inside the pause. */
  warmUp(): Promise<void>;
  identity(): Promise<PlaceIdentity>;
  /** Statements that run here now, this one included. */
  runningThreads(): Promise<number>;
  load(signal?: AbortSignal): Promise<PlaceLoad>;
  /** Free space where the data lie (bytes); null where the server does not tell. */
  freeDiskBytes(): Promise<number | null>;
  /** Sizes of those tables that are there, from the server's own statistics. */
  storage(tables: readonly OrgTable[], signal?: AbortSignal): Promise<readonly TableSize[]>;
  /** True where writes are refused by the server itself (read_only, innodb_read_only). */
  isReadOnly(): Promise<boolean>;

  /**
   * Makes the org's fence and heartbeat rows where they are missing; changes none that are there. `writer` is the first
   * value. `arriving` names other places whose heartbeats a task without a full load will update here.
   */
  enrol(orgId: number, writer: FenceWriter, arriving?: readonly string[]): Promise<void>;
  readFence(orgId: number): Promise<FenceRow | null>;
  /**
   * Sets who may write the org here, if the row's epoch is not newer than `epoch` (else `StaleEpochError`). Waits for
   * exactly the open transactions that wrote this org, at most `timeoutMs`; retried on a deadlock. Reads back.
   */
  setFence(orgId: number, writer: FenceWriter, epoch: number, timeoutMs: number, signal?: AbortSignal): Promise<void>;

  /** Counts up the heartbeat of the orgs at this place, in one statement; resolves to each org's new seq. */
  beat(orgIds: readonly number[]): Promise<ReadonlyMap<number, number>>;
  /** A heartbeat that carries a marker. */
  writeMarker(orgId: number, marker: Marker, signal?: AbortSignal): Promise<void>;
  /** Heartbeats of the orgs as they have arrived here (of every site or cluster that wrote one). */
  readHeartbeats(orgIds: readonly number[], signal?: AbortSignal): Promise<ReadonlyMap<number, readonly Heartbeat[]>>;
  /** Removes the org's heartbeat rows that other places wrote here. */
  forgetHeartbeats(orgId: number): Promise<void>;

  /** Whether the address is the one that this place is reached by. */
  isAt(address: ServerAddress): boolean;
  /** Another server of this place, over the place's account; nothing is opened before it is asked. */
  reader(address: ServerAddress): PlaceReader;

  binlogPosition(signal?: AbortSignal): Promise<BinlogPosition>;
  /** Prepared XA transactions, which belong to no session. */
  preparedXa(signal?: AbortSignal): Promise<readonly string[]>;
  /** Where the sessions come from, the controller's own among them. */
  clientHosts(signal?: AbortSignal): Promise<readonly ClientHost[]>;
  /** Opens `count` read views of one moment each: REPEATABLE READ set explicitly, consistent snapshot, proven pinned. */
  openViews(count: number, signal?: AbortSignal): Promise<readonly ReadView[]>;

  shapes(tables: readonly OrgTable[]): Promise<readonly TableShape[]>;
  /** All base tables of these schemas, or of every one that holds data; reads no row. */
  inventory(schemas: readonly string[] | null): Promise<Inventory>;
  /** Increment and offset of new connections, and the state of every table that has such a column. */
  autoIncrement(tables: readonly OrgTable[]): Promise<AutoIncrement>;
  /** The first ids (a thousand at most, decimal text) that are not below `from`, by the index. */
  idsFrom(table: OrgTable, column: string, from: string): Promise<readonly string[]>;
  settings(): Promise<PlaceSettings>;
  /** When it was last backed up (epoch milliseconds), as the configuration lets one ask; null where nothing says. */
  lastBackup(signal?: AbortSignal): Promise<number | null>;
  /** Null where the configuration has no query for it. */
  diskSpace(signal?: AbortSignal): Promise<DiskSpace | null>;
  undoLoad(signal?: AbortSignal): Promise<UndoLoad>;
  /** What the controller's accounts lack here to do their work; nothing is said of an account that has roles. */
  missingPrivileges(tables: readonly OrgTable[]): Promise<readonly MissingPrivilege[]>;
  /** Accounts of these users, with what they may do on the tables. */
  accounts(users: readonly string[], tables: readonly TableName[], signal?: AbortSignal): Promise<Accounts>;
  /** Prepares each statement under the sql_mode of new connections, and runs none; null where the server takes it. */
  tryToPrepare(statements: readonly StatementForm[], signal?: AbortSignal): Promise<readonly (PrepareRefusal | null)[]>;
  counts(tables: readonly OrgTable[], orgId: number): Promise<readonly TableCount[]>;
  /** Rows of each org in these tables together, as the indexes estimate them: no row is read. */
  estimatedRows(
    tables: readonly OrgTable[],
    orgIds: readonly number[],
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<number, number>>;
  /**
   * Deletes the org's rows here in chunks by primary key as the purge user; each chunk checks the epoch FOR UPDATE in
   * its own transaction. Resolves to the rows deleted.
   */
  deleteOrgRows(tables: readonly OrgTable[], orgId: number, epoch: number, signal: AbortSignal): Promise<number>;
  /** Gives a fence that is open to `writer` this epoch, and leaves it so; throws as `repairRows` does. */
  takeFence(
    owner: { readonly orgId: number; readonly epoch: number; readonly writer: FenceWriter },
    signal: AbortSignal,
  ): Promise<void>;
  /**
   * Runs the work in one transaction of the purge user, with the org's fence row locked: `RepairRefusedError` unless it is
   * open to `writer`, `StaleEpochError` for a newer epoch. Repair copies rows in it, purge removes them in it.
   */
  repairRows<T>(
    owner: { readonly orgId: number; readonly epoch: number; readonly writer: FenceWriter },
    signal: AbortSignal,
    work: (transaction: RowTransaction) => Promise<T>,
  ): Promise<T>;
  /** What preflight finds here. */
  findings(tables: readonly OrgTable[], orgId: number): Promise<readonly Finding[]>;
  close(): Promise<void>;
}
