import { TaskError } from '../errors.ts';
import type { RowFilter } from '../mapping/filter.ts';
import type { SourceTable } from '../sql/columns.ts';
import { parseDdl, type SourceDdl } from './ddl.ts';
import { type BinlogPosition, comparePositions } from './position.ts';
import type { BinlogSink } from './reader.ts';
import { keepImage, type RowChange, type RowEventKind, type RowImage, walkRows } from './rows.ts';
import { parseTableMap, type TableMap, tableIdOf } from './tableMap.ts';
import { textOf } from './values.ts';

/** One transaction of the source, as far as it concerns a subscriber. */
export interface SourceTransaction {
  readonly changes: readonly RowChange[];
  readonly ddl: SourceDdl | null;
  /** Where the transaction ends. */
  readonly position: BinlogPosition;
  /** Commit time by the source's clock, in whole seconds. */
  readonly committedAtMs: number;
  readonly receivedAtMs: number;
}

export interface FeedSubscriber {
  /** By `schema.table`: which rows it wants. */
  readonly tables: ReadonlyMap<string, RowFilter>;
  transaction(transaction: SourceTransaction): void;
  /** Rows of this table can no longer be read. */
  tableFailed(name: string, error: Error): void;
  failed(error: TaskError): void;
}

interface Wish {
  readonly subscriber: FeedSubscriber;
  readonly filter: RowFilter;
}

/** Who wants rows of a table: by the value of one column where the filters allow it, else by asking each filter. */
interface TableRoute {
  readonly byKey: Map<string, Map<string, Wish[]>>;
  readonly others: Wish[];
}

interface KnownTable {
  readonly raw: Buffer;
  readonly map: TableMap;
  readonly generation: number;
  table: SourceTable | null;
  /** Integer columns of `route.byKey`, found in this table. */
  keys: { index: number; wishes: Map<string, Wish[]> }[];
  /** Wishes that have to be asked row by row. */
  others: Wish[];
}

export interface RouterOwner {
  describe(schema: string, table: string): Promise<SourceTable>;
  tablesChanged(): void;
  boundary(): void;
  failed(): void;
}

/** Hands the rows of one reader to the subscribers whose filters they match, a transaction at a time. */
export class FeedRouter implements BinlogSink {
  readonly #owner: RouterOwner;
  readonly #subscribers = new Map<FeedSubscriber, BinlogPosition>();
  #routes = new Map<string, TableRoute>();
  #generation = 0;
  readonly #known = new Map<number, KnownTable>();
  #pending = new Map<FeedSubscriber, RowChange[]>();
  readonly #prepared = new Map<string, Map<FeedSubscriber, RowChange[]>>();

  constructor(owner: RouterOwner) {
    this.#owner = owner;
  }

  get size(): number {
    return this.#subscribers.size;
  }

  has(subscriber: FeedSubscriber): boolean {
    return this.#subscribers.has(subscriber);
  }

  entries(): [FeedSubscriber, BinlogPosition][] {
    return [...this.#subscribers];
  }

  add(subscriber: FeedSubscriber, from: BinlogPosition): void {
    this.#subscribers.set(subscriber, from);
    this.#rebuild();
  }

  remove(subscriber: FeedSubscriber): boolean {
    if (!this.#subscribers.delete(subscriber)) return false;
    this.#pending.delete(subscriber);
    for (const held of this.#prepared.values()) held.delete(subscriber);
    this.#rebuild();
    return true;
  }

  /** Takes over what another reader of the same log holds as prepared. */
  adoptPrepared(other: FeedRouter): void {
    for (const [xid, changes] of other.#prepared) {
      const mine = this.#prepared.get(xid) ?? new Map<FeedSubscriber, RowChange[]>();
      for (const [subscriber, list] of changes) mine.set(subscriber, list);
      this.#prepared.set(xid, mine);
    }
  }

  forgetTables(): void {
    this.#generation += 1;
  }

  tableMap(body: Buffer): Promise<void> | null {
    const id = tableIdOf(body);
    const before = this.#known.get(id);
    if (before?.generation === this.#generation && before.raw.equals(body)) return null;
    const map = parseTableMap(body);
    const route = this.#routes.get(`${map.schema}.${map.table}`) ?? null;
    const known: KnownTable = {
      raw: Buffer.from(body),
      map,
      generation: this.#generation,
      table: null,
      keys: [],
      others: [],
    };
    this.#known.set(id, known);
    if (route === null) return null;
    return this.#owner.describe(map.schema, map.table).then(
      (table) => this.#learn(known, route, table),
      (error: unknown) => {
        // A lost connection is the reader's trouble; a table that is gone is the trouble of those who want it.
        if (!(error instanceof TaskError)) throw error;
        this.#tableFailed(known, error);
      },
    );
  }

  #tableFailed(known: KnownTable, error: Error): void {
    const name = `${known.map.schema}.${known.map.table}`;
    for (const subscriber of this.#subscribers.keys()) {
      if (subscriber.tables.has(name)) subscriber.tableFailed(name, error);
    }
  }

  #learn(known: KnownTable, route: TableRoute, table: SourceTable): void {
    if (table.columns.length !== known.map.types.length) {
      const shape = `${table.columns.length} columns now and ${known.map.types.length} in the binary log`;
      this.#tableFailed(
        known,
        new TaskError('TABLE_SHAPE', `${table.schema}.${table.name} has ${shape}`, { recoverable: false }),
      );
      return;
    }
    known.table = table;
    known.others.push(...route.others);
    for (const [column, wishes] of route.byKey) {
      const index = table.columns.findIndex((candidate) => candidate.name.toLowerCase() === column);
      // Other types have several spellings of one value: '7' equals '7.0'.
      if (table.columns[index]?.kind === 'integer') known.keys.push({ index, wishes });
      else for (const list of wishes.values()) known.others.push(...list);
    }
  }

  rows(kind: RowEventKind, version: 1 | 2, body: Buffer): void {
    const known = this.#known.get(tableIdOf(body));
    if (known === undefined || known.table === null) return;
    const { table, others, keys } = known;
    walkRows(body, kind, version, known.map, (first, second) => {
      for (const key of keys) {
        const column = table.columns[key.index];
        if (column === undefined || (first.starts[key.index] ?? -1) < 0) continue;
        const wishes = key.wishes.get(textOf(first, key.index, column));
        if (wishes !== undefined) this.#offer(wishes, kind, table, first, second);
        if (second === null || (second.starts[key.index] ?? -1) < 0) continue;
        const moved = key.wishes.get(textOf(second, key.index, column));
        if (moved !== undefined && moved !== wishes) this.#offer(moved, kind, table, first, second);
      }
      if (others.length > 0) this.#offer(others, kind, table, first, second);
    });
  }

  #offer(wishes: Wish[], kind: RowEventKind, table: SourceTable, first: RowImage, second: RowImage | null): void {
    let change: RowChange | null = null;
    for (const wish of wishes) {
      // A row whose filter column changed is followed by whoever wants either of its images.
      if (!wish.filter.matches(first, table) && (second === null || !wish.filter.matches(second, table))) continue;
      change ??= toChange(kind, table, first, second);
      const pending = this.#pending.get(wish.subscriber);
      if (pending === undefined) this.#pending.set(wish.subscriber, [change]);
      else pending.push(change);
    }
  }

  statement(schema: string, sql: string, position: BinlogPosition, atMs: number): void {
    const ddl = parseDdl(sql, schema);
    if (ddl === null) return;
    this.#owner.tablesChanged();
    for (const [subscriber, from] of this.#subscribers) {
      if (!ddl.tables.some((table) => subscriber.tables.has(table))) continue;
      this.#deliver(subscriber, from, { changes: [], ddl, position, committedAtMs: atMs, receivedAtMs: Date.now() });
    }
  }

  commit(position: BinlogPosition, atMs: number): void {
    if (this.#pending.size === 0) return;
    const pending = this.#pending;
    this.#pending = new Map();
    this.#deliverAll(pending, position, atMs);
  }

  rollback(): void {
    this.#pending = new Map();
  }

  xaPrepare(xid: string): void {
    this.#prepared.set(xid, this.#pending);
    this.#pending = new Map();
  }

  xaEnd(xid: string, committed: boolean, position: BinlogPosition, atMs: number): void {
    const pending = this.#prepared.get(xid);
    this.#prepared.delete(xid);
    if (committed && pending !== undefined) this.#deliverAll(pending, position, atMs);
  }

  atBoundary(): void {
    this.#owner.boundary();
  }

  failed(error: TaskError): void {
    this.#owner.failed();
    for (const subscriber of this.#subscribers.keys()) subscriber.failed(error);
  }

  #deliverAll(pending: Map<FeedSubscriber, RowChange[]>, position: BinlogPosition, atMs: number): void {
    const receivedAtMs = Date.now();
    for (const [subscriber, changes] of pending) {
      const from = this.#subscribers.get(subscriber);
      if (from === undefined) continue;
      this.#deliver(subscriber, from, { changes, ddl: null, position, committedAtMs: atMs, receivedAtMs });
    }
  }

  #deliver(subscriber: FeedSubscriber, from: BinlogPosition, transaction: SourceTransaction): void {
    if (comparePositions(transaction.position, from) > 0) subscriber.transaction(transaction);
  }

  #rebuild(): void {
    const routes = new Map<string, TableRoute>();
    for (const subscriber of this.#subscribers.keys()) {
      for (const [name, filter] of subscriber.tables) {
        let route = routes.get(name);
        if (route === undefined) {
          route = { byKey: new Map(), others: [] };
          routes.set(name, route);
        }
        addWish(route, { subscriber, filter });
      }
    }
    this.#routes = routes;
    this.#generation += 1;
  }
}

function addWish(route: TableRoute, wish: Wish): void {
  const key = wish.filter.key;
  if (key === null) {
    route.others.push(wish);
    return;
  }
  let wishes = route.byKey.get(key.column);
  if (wishes === undefined) {
    wishes = new Map();
    route.byKey.set(key.column, wishes);
  }
  const same = wishes.get(key.value);
  if (same === undefined) wishes.set(key.value, [wish]);
  else same.push(wish);
}

function toChange(kind: RowEventKind, table: SourceTable, first: RowImage, second: RowImage | null): RowChange {
  if (kind === 'insert') return { kind, table, after: keepImage(first) };
  if (kind === 'delete' || second === null) return { kind: 'delete', table, before: keepImage(first) };
  return { kind, table, before: keepImage(first), after: keepImage(second) };
}
