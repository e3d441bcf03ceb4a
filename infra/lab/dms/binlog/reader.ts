import { TaskError } from '../errors.ts';
import type { DatabaseAddress } from '../sql/connect.ts';
import { type BinlogDump, openBinlog } from './connection.ts';
import { type BinlogPosition, comparePositions } from './position.ts';
import type { RowEventKind } from './rows.ts';

/** What a reader tells of the log, in the log's order. */
export interface BinlogSink {
  /** A TABLE_MAP event. A promise holds the reader up until the table's columns are known. */
  tableMap(body: Buffer): Promise<void> | null;
  rows(kind: RowEventKind, version: 1 | 2, body: Buffer): void;
  statement(schema: string, sql: string, position: BinlogPosition, atMs: number): void;
  commit(position: BinlogPosition, atMs: number): void;
  rollback(): void;
  /** The transaction read so far is prepared, to be finished by `xaEnd` later. */
  xaPrepare(xid: string): void;
  xaEnd(xid: string, committed: boolean, position: BinlogPosition, atMs: number): void;
  /** The reader stands between two transactions. */
  atBoundary(): void;
  failed(error: TaskError): void;
}

const EventType = {
  QUERY: 2,
  ROTATE: 4,
  FORMAT_DESCRIPTION: 15,
  XID: 16,
  TABLE_MAP: 19,
  ROWS_V1_FIRST: 23,
  ROWS_V1_LAST: 25,
  ROWS_V2_FIRST: 30,
  ROWS_V2_LAST: 32,
  GTID: 33,
  ANONYMOUS_GTID: 34,
  XA_PREPARE: 38,
  PARTIAL_UPDATE_ROWS: 39,
  TRANSACTION_PAYLOAD: 40,
  GTID_TAGGED: 42,
  MARIADB_GTID: 162,
  MARIADB_QUERY_COMPRESSED: 165,
  MARIADB_ROWS_COMPRESSED_LAST: 171,
} as const;

const HEADER_BYTES = 19;
const CHECKSUM_BYTES = 4;
const ARTIFICIAL = 0x20;
const STANDALONE = 1;
const ROW_KINDS: readonly RowEventKind[] = ['insert', 'update', 'delete'];

/** Reads one binary log from a position on and cuts it into transactions. */
export class BinlogReader {
  readonly #address: DatabaseAddress;
  readonly #sink: BinlogSink;
  #dump: BinlogDump | null = null;
  #position: BinlogPosition;
  #file: string;
  #inTransaction = false;
  /** Inside a transaction: a lone statement is not the end of it. */
  #began = false;
  /** Events that came while the columns of a table were being looked up. */
  #backlog: Buffer[] | null = null;
  #ended = false;
  #checksumBytes = 0;

  constructor(address: DatabaseAddress, from: BinlogPosition, sink: BinlogSink) {
    this.#address = address;
    this.#sink = sink;
    this.#position = from;
    this.#file = from.file;
  }

  /** The end of the last whole transaction that was read. */
  get position(): BinlogPosition {
    return this.#position;
  }

  get inTransaction(): boolean {
    return this.#inTransaction || this.#backlog !== null;
  }

  async open(): Promise<void> {
    const dump = await openBinlog(
      this.#address,
      this.#position,
      (event) => this.#receive(event),
      (error) => this.#fail(error),
      (on) => {
        this.#checksumBytes = on ? CHECKSUM_BYTES : 0;
      },
    );
    if (this.#ended) await dump.close();
    else this.#dump = dump;
  }

  async close(): Promise<void> {
    this.#ended = true;
    await this.#dump?.close();
  }

  #fail(error: TaskError): void {
    if (this.#ended) return;
    void this.close();
    this.#sink.failed(error);
  }

  #receive(event: Buffer): void {
    if (this.#ended) return;
    if (this.#backlog !== null) {
      this.#backlog.push(Buffer.from(event));
      return;
    }
    try {
      const wait = this.#handle(event);
      if (wait !== null) this.#holdUp(wait);
    } catch (error) {
      this.#fail(asTaskError(error));
    }
  }

  #holdUp(wait: Promise<void>): void {
    const backlog: Buffer[] = [];
    this.#backlog = backlog;
    this.#dump?.pause();
    wait.then(
      () => {
        this.#backlog = null;
        let event = backlog.shift();
        while (event !== undefined && !this.#ended) {
          this.#receive(event);
          // A further look-up took over what is left, in order.
          if (this.#backlog !== null) {
            (this.#backlog as Buffer[]).push(...backlog);
            return;
          }
          event = backlog.shift();
        }
        this.#dump?.resume();
      },
      (error: unknown) => this.#fail(asTaskError(error)),
    );
  }

  #handle(event: Buffer): Promise<void> | null {
    const type = event[4] ?? 0;
    const logPos = event.readUInt32LE(13);
    const artificial = (event.readUInt16LE(17) & ARTIFICIAL) !== 0 || logPos === 0;
    if (type === EventType.FORMAT_DESCRIPTION) {
      // Its last byte before its own checksum names the algorithm of all that follow in this file.
      this.#checksumBytes = event[event.length - CHECKSUM_BYTES - 1] === 0 ? 0 : CHECKSUM_BYTES;
    }
    const body = event.subarray(HEADER_BYTES, event.length - this.#checksumBytes);
    const atMs = event.readUInt32LE(0) * 1000;
    const end = (): BinlogPosition => ({ file: this.#file, offset: logPos });
    switch (type) {
      case EventType.TABLE_MAP:
        this.#inTransaction = true;
        return this.#sink.tableMap(body);
      case EventType.XID:
        this.#endTransaction(end(), () => this.#sink.commit(end(), atMs));
        return null;
      case EventType.QUERY:
        this.#query(body, end(), atMs);
        return null;
      case EventType.MARIADB_GTID:
      case EventType.GTID:
      case EventType.ANONYMOUS_GTID:
      case EventType.GTID_TAGGED:
        this.#inTransaction = true;
        // MariaDB says beforehand whether a transaction follows; MySQL sends a BEGIN.
        this.#began = type === EventType.MARIADB_GTID && ((body[12] ?? 0) & STANDALONE) === 0;
        return null;
      case EventType.XA_PREPARE:
        this.#xaPrepare(body, end(), atMs);
        return null;
      case EventType.ROTATE:
        this.#file = body.toString('utf8', 8);
        if (!artificial) this.#advance({ file: this.#file, offset: Number(body.readBigUInt64LE(0)) });
        return null;
      case EventType.PARTIAL_UPDATE_ROWS:
      case EventType.TRANSACTION_PAYLOAD:
        throw unsupported(type);
      default:
        if (type >= EventType.ROWS_V1_FIRST && type <= EventType.ROWS_V1_LAST) {
          this.#sink.rows(ROW_KINDS[type - EventType.ROWS_V1_FIRST] ?? 'insert', 1, body);
        } else if (type >= EventType.ROWS_V2_FIRST && type <= EventType.ROWS_V2_LAST) {
          this.#sink.rows(ROW_KINDS[type - EventType.ROWS_V2_FIRST] ?? 'insert', 2, body);
        } else if (type >= EventType.MARIADB_QUERY_COMPRESSED && type <= EventType.MARIADB_ROWS_COMPRESSED_LAST) {
          throw unsupported(type);
        } else if (!artificial && !this.#inTransaction) {
          this.#advance(end());
        }
        return null;
    }
  }

  #query(body: Buffer, end: BinlogPosition, atMs: number): void {
    const schemaLength = body[8] ?? 0;
    const schemaAt = 13 + body.readUInt16LE(11);
    const schema = body.toString('utf8', schemaAt, schemaAt + schemaLength);
    const sql = body.toString('utf8', schemaAt + schemaLength + 1);
    if (sql === 'BEGIN' || sql.startsWith('XA START')) {
      this.#inTransaction = true;
      this.#began = true;
      return;
    }
    if (sql === 'COMMIT') {
      this.#endTransaction(end, () => this.#sink.commit(end, atMs));
      return;
    }
    if (sql === 'ROLLBACK') {
      this.#endTransaction(end, () => this.#sink.rollback());
      return;
    }
    const xa = /^XA (COMMIT|ROLLBACK) (X'[^']*',X'[^']*',\d+)/i.exec(sql);
    if (xa?.[1] !== undefined && xa[2] !== undefined) {
      const [, verb, xid] = xa;
      this.#endTransaction(end, () => this.#sink.xaEnd(xid, verb?.toUpperCase() === 'COMMIT', end, atMs));
      return;
    }
    if (this.#began) {
      this.#sink.statement(schema, sql, end, atMs);
      return;
    }
    this.#endTransaction(end, () => this.#sink.statement(schema, sql, end, atMs));
  }

  #xaPrepare(body: Buffer, end: BinlogPosition, atMs: number): void {
    const onePhase = (body[0] ?? 0) !== 0;
    const format = body.readUInt32LE(1);
    const gtrid = body.readUInt32LE(5);
    const bqual = body.readUInt32LE(9);
    const global = body.toString('hex', 13, 13 + gtrid);
    const branch = body.toString('hex', 13 + gtrid, 13 + gtrid + bqual);
    this.#endTransaction(end, () => {
      if (onePhase) this.#sink.commit(end, atMs);
      else this.#sink.xaPrepare(`X'${global}',X'${branch}',${format}`);
    });
  }

  #endTransaction(end: BinlogPosition, tell: () => void): void {
    this.#inTransaction = false;
    this.#began = false;
    this.#advance(end);
    tell();
    this.#sink.atBoundary();
  }

  #advance(to: BinlogPosition): void {
    if (comparePositions(to, this.#position) > 0) this.#position = to;
  }
}

function unsupported(type: number): TaskError {
  return new TaskError(
    'BINLOG_FORMAT',
    `the binary log holds compressed or partial events (type ${type}); switch that off at the source`,
    { recoverable: false },
  );
}

function asTaskError(error: unknown): TaskError {
  if (error instanceof TaskError) return error;
  return new TaskError('BINLOG_DECODE', error instanceof Error ? error.message : String(error), {
    recoverable: false,
    cause: error,
  });
}
