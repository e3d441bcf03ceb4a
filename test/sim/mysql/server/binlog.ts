import type { Value } from '../sql/value.ts';
import type { Change } from '../storage/transaction.ts';

/** `domain-server-number`, or a number under the server's UUID. */
export interface Gtid {
  readonly domain: number;
  readonly serverId: number;
  readonly number: number;
}

/** One row as a task or replica gets it. */
export interface RowChange {
  readonly schema: string;
  readonly table: string;
  readonly columns: readonly string[];
  readonly primary: readonly number[];
  readonly before: readonly Value[] | null;
  readonly after: readonly Value[] | null;
}

/** A transaction, or a definition of the schema, as the binlog holds it. */
export interface BinlogEvent {
  readonly file: string;
  /** Where it begins. */
  readonly position: number;
  readonly end: number;
  readonly gtid: Gtid;
  /** Account that wrote it here; `replication` for what came from another server. */
  readonly user: string;
  readonly rows: readonly RowChange[];
  /** A statement that defines something, with the account and default schema it ran under. */
  readonly definition: { readonly sql: string; readonly user: string; readonly database: string | null } | null;
}

const FIRST_POSITION = 4;
const EVENT_BYTES = 180;
const ROW_BYTES = 60;

/** What a server wrote, in the order of its commits. */
export class Binlog {
  readonly events: BinlogEvent[] = [];
  readonly #hearers = new Set<() => void>();
  readonly #newest = new Map<number, Gtid>();
  #fileNumber = 1;
  #position = FIRST_POSITION;

  get file(): string {
    return `binlog.${String(this.#fileNumber).padStart(6, '0')}`;
  }

  get position(): number {
    return this.#position;
  }

  /** The newest of each domain. */
  get newest(): ReadonlyMap<number, Gtid> {
    return this.#newest;
  }

  /** The next number in the domain. */
  nextNumber(domain: number): number {
    return (this.#newest.get(domain)?.number ?? 0) + 1;
  }

  append(gtid: Gtid, user: string, changes: readonly Change[], definition: BinlogEvent['definition'] = null): void {
    const position = this.#position;
    this.#position += EVENT_BYTES + ROW_BYTES * changes.length;
    this.#newest.set(gtid.domain, gtid);
    const rows = changes.map(({ table, before, after }) => ({
      schema: table.schema,
      table: table.name,
      columns: table.columns.map(({ name }) => name),
      primary: table.primary,
      before,
      after,
    }));
    this.events.push({ file: this.file, position, end: this.#position, gtid, user, rows, definition });
    for (const hear of [...this.#hearers]) hear();
  }

  /** A restart begins a new file. */
  rotate(): void {
    this.#fileNumber += 1;
    this.#position = FIRST_POSITION;
  }

  /** Calls `hear` at each commit, until the returned function is called. */
  onCommit(hear: () => void): () => void {
    this.#hearers.add(hear);
    return () => this.#hearers.delete(hear);
  }

  /** Whether the position lies in what was written so far. */
  reaches(file: string, position: number): boolean {
    return file < this.file || (file === this.file && position <= this.position);
  }

  /** Index of the first event that begins at the position or behind it. */
  indexAt(file: string, position: number): number {
    const found = this.events.findIndex(
      (event) => event.file > file || (event.file === file && event.position >= position),
    );
    return found < 0 ? this.events.length : found;
  }
}
