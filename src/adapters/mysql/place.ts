import type { TableName } from '../../catalogue/catalogue.ts';
import type { Finding } from '../../ports/finding.ts';
import type { Inventory } from '../../ports/inventory.ts';
import type {
  Accounts,
  BinlogPosition,
  ClientHost,
  FenceRow,
  FenceWriter,
  Heartbeat,
  Marker,
  MissingPrivilege,
  OrgTable,
  Place,
  PlaceIdentity,
  PlaceReader,
  PrepareRefusal,
  ReadView,
  RowTransaction,
  ServerAddress,
  StatementForm,
  TableCount,
  TableShape,
} from '../../ports/place.ts';
import type { AutoIncrement, DiskSpace, PlaceSettings, UndoLoad } from '../../ports/settings.ts';
import type { PlaceLoad, TableSize } from '../../ports/traffic.ts';
import { accounts } from './accounts.ts';
import { autoIncrement, idsFrom } from './autoIncrement.ts';
import { binlogPosition, preparedXa } from './binlog.ts';
import { clientHosts } from './clientHosts.ts';
import type { ClusterConfig, SiteConfig } from './config.ts';
import { type PlaceContext, type PlaceKey, type PlaceMachine, placeContext } from './context.ts';
import { counts } from './counts.ts';
import { deleteOrgRows } from './deleteOrgRows.ts';
import { estimatedRows } from './estimatedRows.ts';
import { enrol, readFence } from './fenceRow.ts';
import { findings } from './findings/index.ts';
import { freeDiskBytes } from './freeDisk.ts';
import { beat, forgetHeartbeats, readHeartbeats, writeMarker } from './heartbeats.ts';
import { isReadOnly, readIdentity } from './identity.ts';
import { inventory } from './inventory.ts';
import { load, runningThreads } from './load.ts';
import { MetadataWatch } from './metadataWatch.ts';
import { diskSpace, lastBackup, undoLoad } from './operation.ts';
import { missingPrivileges } from './privileges.ts';
import { Readers } from './reader.ts';
import { type RepairOwner, repairRows, takeFence } from './repairRows.ts';
import { setFence } from './setFence.ts';
import { settings } from './settings.ts';
import { shapes } from './shapes.ts';
import { storage } from './storage.ts';
import { tryToPrepare } from './tryToPrepare.ts';
import { openViews } from './views.ts';

/** A place on MariaDB or MySQL. */
export type DatabasePlace = Place;

/** A MariaDB site. Nothing is opened before the first call. */
export function createSite(config: SiteConfig, machine?: PlaceMachine): DatabasePlace {
  const key = { kind: 'site', name: config.name, homeRegion: null, serverId: config.serverId } as const;
  return new MysqlPlace(placeContext(key, config, machine), config);
}

/** An Aurora MySQL cluster. Nothing is opened before the first call. */
export function createCluster(config: ClusterConfig, machine?: PlaceMachine): DatabasePlace {
  const key = { kind: 'cluster', name: config.name, homeRegion: config.homeRegion } as const;
  return new MysqlPlace(placeContext(key, config, machine), config);
}

// What one flip uses at once, and some of what others do meanwhile.
const WARM_CRITICAL = 4;
const WARM_WATCH = 2;
const WARM_VIEWS = 4;

class MysqlPlace implements DatabasePlace {
  readonly kind: 'site' | 'cluster';
  readonly name: string;
  readonly homeRegion: string | null;
  readonly #key: PlaceKey;
  readonly #context: PlaceContext;
  readonly #views: MetadataWatch;
  readonly #config: SiteConfig | ClusterConfig;
  readonly #readers: Readers;

  constructor(context: PlaceContext, config: SiteConfig | ClusterConfig) {
    this.#key = context.key;
    this.kind = context.key.kind;
    this.name = context.key.name;
    this.homeRegion = context.key.homeRegion;
    this.#context = context;
    this.#views = new MetadataWatch(context);
    this.#config = config;
    this.#readers = new Readers(context, config);
  }

  async ping(signal?: AbortSignal): Promise<void> {
    const limits = { signal };
    await this.#context.critical.use('asking for an answer', (session) => session.run('DO 1', [], limits), limits);
  }

  async warmUp(): Promise<void> {
    const { critical, watch, views } = this.#context;
    await Promise.all([critical.warmUp(WARM_CRITICAL), watch.warmUp(WARM_WATCH), views.warmUp(WARM_VIEWS)]);
  }

  identity(): Promise<PlaceIdentity> {
    return this.#context.critical.use('asking who it is', (session) => readIdentity(session, this.#key));
  }

  isReadOnly(): Promise<boolean> {
    return isReadOnly(this.#context);
  }

  runningThreads(): Promise<number> {
    return runningThreads(this.#context);
  }

  load(signal?: AbortSignal): Promise<PlaceLoad> {
    return load(this.#context, signal);
  }

  freeDiskBytes(): Promise<number | null> {
    return freeDiskBytes(this.#context);
  }

  storage(tables: readonly OrgTable[], signal?: AbortSignal): Promise<readonly TableSize[]> {
    return storage(this.#context, tables, signal);
  }

  enrol(orgId: number, writer: FenceWriter, arriving?: readonly string[]): Promise<void> {
    return enrol(this.#context, orgId, writer, arriving);
  }

  readFence(orgId: number): Promise<FenceRow | null> {
    return readFence(this.#context, orgId);
  }

  setFence(orgId: number, writer: FenceWriter, epoch: number, timeoutMs: number, signal?: AbortSignal): Promise<void> {
    return setFence(this.#context, { orgId, writer, epoch, timeoutMs, signal });
  }

  beat(orgIds: readonly number[]): Promise<ReadonlyMap<number, number>> {
    return beat(this.#context, orgIds);
  }

  writeMarker(orgId: number, marker: Marker, signal?: AbortSignal): Promise<void> {
    return writeMarker(this.#context, orgId, marker, signal);
  }

  readHeartbeats(orgIds: readonly number[], signal?: AbortSignal): Promise<ReadonlyMap<number, readonly Heartbeat[]>> {
    return readHeartbeats(this.#context, orgIds, signal);
  }

  forgetHeartbeats(orgId: number): Promise<void> {
    return forgetHeartbeats(this.#context, orgId);
  }

  isAt({ host, port }: ServerAddress): boolean {
    return host.toLowerCase() === this.#config.host.toLowerCase() && port === this.#config.port;
  }

  reader(address: ServerAddress): PlaceReader {
    return this.#readers.reader(address);
  }

  binlogPosition(signal?: AbortSignal): Promise<BinlogPosition> {
    return binlogPosition(this.#context, signal);
  }

  preparedXa(signal?: AbortSignal): Promise<readonly string[]> {
    return preparedXa(this.#context, signal);
  }

  clientHosts(signal?: AbortSignal): Promise<readonly ClientHost[]> {
    return clientHosts(this.#context, signal);
  }

  openViews(count: number, signal?: AbortSignal): Promise<readonly ReadView[]> {
    return openViews(this.#context, this.#views, count, signal);
  }

  shapes(tables: readonly OrgTable[]): Promise<readonly TableShape[]> {
    return shapes(this.#context, tables);
  }

  inventory(schemas: readonly string[] | null): Promise<Inventory> {
    return inventory(this.#context, schemas);
  }

  accounts(users: readonly string[], tables: readonly TableName[], signal?: AbortSignal): Promise<Accounts> {
    return accounts(this.#context, users, tables, signal);
  }

  tryToPrepare(
    statements: readonly StatementForm[],
    signal?: AbortSignal,
  ): Promise<readonly (PrepareRefusal | null)[]> {
    return tryToPrepare(this.#context, statements, signal);
  }

  counts(tables: readonly OrgTable[], orgId: number): Promise<readonly TableCount[]> {
    return counts(this.#context, tables, orgId);
  }

  estimatedRows(
    tables: readonly OrgTable[],
    orgIds: readonly number[],
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<number, number>> {
    return estimatedRows(this.#context, tables, orgIds, signal);
  }

  deleteOrgRows(tables: readonly OrgTable[], orgId: number, epoch: number, signal: AbortSignal): Promise<number> {
    return deleteOrgRows(this.#context, tables, orgId, epoch, signal);
  }

  takeFence(owner: RepairOwner, signal: AbortSignal): Promise<void> {
    return takeFence(this.#context, owner, signal);
  }

  repairRows<T>(
    owner: RepairOwner,
    signal: AbortSignal,
    work: (transaction: RowTransaction) => Promise<T>,
  ): Promise<T> {
    return repairRows(this.#context, owner, signal, work);
  }

  findings(tables: readonly OrgTable[], orgId: number): Promise<readonly Finding[]> {
    return findings(this.#context, this.#config.host, tables, orgId);
  }

  autoIncrement(tables: readonly OrgTable[]): Promise<AutoIncrement> {
    return autoIncrement(this.#context, tables);
  }

  idsFrom(table: OrgTable, column: string, from: string): Promise<readonly string[]> {
    return idsFrom(this.#context, table, column, from);
  }

  settings(): Promise<PlaceSettings> {
    return settings(this.#context);
  }

  lastBackup(signal?: AbortSignal): Promise<number | null> {
    return lastBackup(this.#context, this.#config.backup, signal);
  }

  diskSpace(signal?: AbortSignal): Promise<DiskSpace | null> {
    return diskSpace(this.#context, this.#config.disk?.query, signal);
  }

  undoLoad(signal?: AbortSignal): Promise<UndoLoad> {
    return undoLoad(this.#context, signal);
  }

  missingPrivileges(tables: readonly OrgTable[]): Promise<readonly MissingPrivilege[]> {
    return missingPrivileges(this.#context, tables);
  }

  async close(): Promise<void> {
    await Promise.all([this.#views.close(), this.#readers.close()]);
    await this.#context.close();
  }
}
