/** How ids are handed out in one table with an AUTO_INCREMENT column. Decimal text: ids may exceed 2^53. */
export interface TableIds {
  readonly table: string;
  readonly column: string;
  /** What information_schema says comes next. */
  readonly nextId: string;
  /** Greatest id in the table, of whatever org; null in an empty one. */
  readonly maxId: string | null;
}

/** How a place generates ids; whether places overlap is for who sees them all. */
export interface AutoIncrement {
  readonly increment: number;
  readonly offset: number;
  readonly tables: readonly TableIds[];
}

/** Settings of a place that clients and tasks feel, and that have to go together with those of other places. */
export interface PlaceSettings {
  /** Of new connections. */
  readonly sqlMode: readonly string[];
  readonly isolation: string;
  /** Of new schemas, and of texts that no column decides about. */
  readonly collation: string;
  /** How long binlogs are kept (seconds); null: for ever. Unknown where Aurora does not let the account read it. */
  readonly binlogKeptS: number | null | 'unknown';
  /** Longest value that a statement can carry (bytes). */
  readonly maxPacketBytes: number;
  /** GTID domains in the binlog, and the one that the server's own writes take; null where there are none. */
  readonly gtidDomains: { readonly own: number; readonly written: readonly number[] } | null;
  /** By how much the clock is ahead of the controller's (milliseconds), and how far that can be wrong either way. */
  readonly clock: { readonly aheadMs: number; readonly withinMs: number };
}

/** Room on the disk of a place's data. */
export interface DiskSpace {
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** Changes that are not cleaned up yet, and the age of the oldest open transaction (seconds); null where there is none. */
export interface UndoLoad {
  readonly historyLength: number | null;
  readonly oldestTransactionS: number | null;
}
