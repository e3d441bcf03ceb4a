import type { Connection } from 'mysql2';
import { messageOf, TaskError } from '../errors.ts';
import { describeTable, type SourceTable } from '../sql/columns.ts';
import { close, connect, type DatabaseAddress } from '../sql/connect.ts';
import { currentPosition, flavourOf, type ServerFlavour } from './connection.ts';
import { type BinlogPosition, comparePositions } from './position.ts';
import { BinlogReader } from './reader.ts';
import { FeedRouter, type FeedSubscriber } from './router.ts';

/** An unused reader stays open this long: the next task often starts soon. */
const IDLE_CLOSE_MS = 3_000;

interface SharedReader {
  readonly reader: BinlogReader;
  readonly router: FeedRouter;
  idleTimer: NodeJS.Timeout | null;
}

/**
 * The changes of one source server for all tasks that read it. The tasks share a reader, whatever their number; a task
 * that starts at an older position gets a reader of its own until it has caught up with the shared one.
 */
export class SourceFeed {
  readonly #address: DatabaseAddress;
  readonly #readers = new Set<SharedReader>();
  readonly #tables = new Map<string, Promise<SourceTable>>();
  #catalogue: Promise<Connection> | null = null;
  #catalogueUsers = 0;

  constructor(address: DatabaseAddress) {
    this.#address = address;
  }

  /** How many binary log connections are open; for the lab's state. */
  get readerCount(): number {
    return this.#readers.size;
  }

  /** The end of the source's binary log and what kind of server it is. */
  async currentPosition(): Promise<{ position: BinlogPosition; flavour: ServerFlavour }> {
    return this.#withCatalogue(async (connection) => {
      const flavour = await flavourOf(connection);
      return { flavour, position: await currentPosition(connection, flavour) };
    });
  }

  /** The columns of a table as they are now. */
  describeNow(schema: string, table: string): Promise<SourceTable> {
    this.#tables.delete(`${schema}.${table}`);
    return this.describe(schema, table);
  }

  /** The columns of a table, kept while a reader would hear of a statement that changes them. */
  describe(schema: string, table: string): Promise<SourceTable> {
    const key = `${schema}.${table}`;
    let known = this.#tables.get(key);
    if (known === undefined) {
      known = this.#withCatalogue((connection) => describeTable(connection, schema, table)).then((described) => {
        if (described !== null) return described;
        throw new TaskError('SOURCE_TABLE_MISSING', `table ${key} is not there any more`, { recoverable: false });
      });
      this.#tables.set(key, known);
      known.catch(() => this.#tables.delete(key));
    }
    return known;
  }

  /** Delivers every transaction that ends after `from` to the subscriber, until `unsubscribe`. */
  async subscribe(subscriber: FeedSubscriber, from: BinlogPosition): Promise<void> {
    for (const shared of this.#readers) {
      if (!shared.reader.inTransaction && comparePositions(shared.reader.position, from) <= 0) {
        this.#attach(shared, subscriber, from);
        return;
      }
    }
    const shared = this.#newReader(from);
    this.#attach(shared, subscriber, from);
    try {
      await shared.reader.open();
    } catch (error) {
      // Others may have joined it meanwhile: all of them hear of it.
      shared.router.failed(
        new TaskError('BINLOG_OPEN', `opening the binary log: ${messageOf(error)}`, {
          recoverable: true,
          cause: error,
        }),
      );
    }
  }

  unsubscribe(subscriber: FeedSubscriber): void {
    for (const shared of this.#readers) {
      if (shared.router.remove(subscriber)) this.#closeWhenIdle(shared);
    }
  }

  /** Up to where the subscriber has been served; null when it has no reader. */
  positionOf(subscriber: FeedSubscriber): BinlogPosition | null {
    for (const shared of this.#readers) {
      if (shared.router.has(subscriber)) return shared.reader.position;
    }
    return null;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#readers].map((shared) => this.#drop(shared)));
    void this.#catalogue?.then(close, () => undefined);
    this.#catalogue = null;
  }

  #newReader(from: BinlogPosition): SharedReader {
    const router: FeedRouter = new FeedRouter({
      describe: (schema, table) => this.describe(schema, table),
      tablesChanged: () => {
        this.#tables.clear();
        for (const other of this.#readers) other.router.forgetTables();
      },
      boundary: () => this.#merge(),
      failed: () => void this.#drop(shared),
    });
    const shared: SharedReader = { reader: new BinlogReader(this.#address, from, router), router, idleTimer: null };
    this.#readers.add(shared);
    return shared;
  }

  #attach(shared: SharedReader, subscriber: FeedSubscriber, from: BinlogPosition): void {
    if (shared.idleTimer !== null) clearTimeout(shared.idleTimer);
    shared.idleTimer = null;
    shared.router.add(subscriber, from);
  }

  /** Two readers that stand at the same place between transactions become one. */
  #merge(): void {
    if (this.#readers.size < 2) return;
    const seen: SharedReader[] = [];
    for (const shared of this.#readers) {
      if (shared.reader.inTransaction) continue;
      const twin = seen.find((other) => comparePositions(other.reader.position, shared.reader.position) === 0);
      if (twin === undefined) {
        seen.push(shared);
        continue;
      }
      for (const [subscriber, from] of shared.router.entries()) this.#attach(twin, subscriber, from);
      twin.router.adoptPrepared(shared.router);
      void this.#drop(shared);
    }
  }

  #closeWhenIdle(shared: SharedReader): void {
    if (shared.router.size > 0 || shared.idleTimer !== null) return;
    shared.idleTimer = setTimeout(() => {
      void this.#drop(shared);
      if (this.#readers.size === 0 && this.#catalogueUsers === 0) void this.close();
    }, IDLE_CLOSE_MS);
    shared.idleTimer.unref();
  }

  async #drop(shared: SharedReader): Promise<void> {
    if (shared.idleTimer !== null) clearTimeout(shared.idleTimer);
    this.#readers.delete(shared);
    await shared.reader.close();
  }

  /** One connection for questions about positions and columns, opened again after it broke. */
  async #withCatalogue<T>(use: (connection: Connection) => Promise<T>): Promise<T> {
    this.#catalogueUsers += 1;
    try {
      this.#catalogue ??= connect(this.#address, () => {
        this.#catalogue = null;
      });
      let connection: Connection;
      try {
        connection = await this.#catalogue;
      } catch (error) {
        this.#catalogue = null;
        throw error;
      }
      return await use(connection);
    } finally {
      this.#catalogueUsers -= 1;
    }
  }
}
