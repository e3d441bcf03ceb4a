/** What a row must look like after a write. Its content is a function of these numbers (see `tables/`). */
export interface RowState {
  readonly present: boolean;
  /** The last write to the row. */
  readonly writeId: number;
  /** The write that inserted it; 0 for a seeded row. */
  readonly bornId: number;
  /** Counts relative changes (`n = n + 1`): a write that was carried out twice shows here. */
  readonly counter: number;
  readonly status: string | null;
  /** Writes to the row before this one, as far as they are known here. */
  readonly seq: number;
}

/** A row's last acknowledged write. */
export interface LedgerRow {
  state: RowState;
  /** Between these moments (epoch milliseconds) the write took effect. */
  sentMs: number;
  ackMs: number;
  /** What it may look like instead, after a write that ended in an ambiguous error. */
  maybe: RowState | null;
  /** A later statement did not find the row although its last write was acknowledged. */
  vanished: boolean;
}

/** Every acknowledged write of one org, by table and key. Each row has one writer, so the expected state is exact. */
export class Ledger {
  readonly #tables = new Map<string, Map<string, LedgerRow>>();
  readonly #maybeInserts = new Map<string, Map<number, RowState>>();
  #acknowledged = 0;
  #ambiguous = 0;

  get writesAcknowledged(): number {
    return this.#acknowledged;
  }

  get ambiguousWrites(): number {
    return this.#ambiguous;
  }

  rows(table: string): ReadonlyMap<string, LedgerRow> {
    return this.#rows(table);
  }

  /** Takes over a seeded row: it has to be there at the end, or be deleted by an acknowledged write. */
  adopt(table: string, key: string, state: RowState): void {
    this.#rows(table).set(key, { state, sentMs: 0, ackMs: 0, maybe: null, vanished: false });
  }

  acknowledge(table: string, key: string, state: RowState, sentMs: number, ackMs: number): void {
    this.#acknowledged += 1;
    const rows = this.#rows(table);
    const known = rows.get(key);
    // The worker may have answered for a row before the answer to its INSERT arrived here.
    if (known !== undefined && known.state.seq > state.seq) return;
    rows.set(key, { state, sentMs, ackMs, maybe: null, vanished: false });
  }

  /** An error that leaves open whether the write took effect. @param key null for an insert whose id is not known */
  ambiguous(table: string, key: string | null, state: RowState): void {
    this.#ambiguous += 1;
    if (key === null) {
      const inserts = this.#maybeInserts.get(table) ?? new Map<number, RowState>();
      inserts.set(state.writeId, state);
      this.#maybeInserts.set(table, inserts);
      return;
    }
    const rows = this.#rows(table);
    const known = rows.get(key);
    if (known !== undefined) known.maybe = state;
    else {
      // No acknowledged write yet: an insert with a key of our own.
      rows.set(key, { state: { ...state, present: false }, sentMs: 0, ackMs: 0, maybe: state, vanished: false });
    }
  }

  /** The insert that may have taken effect under an id nobody was told. */
  maybeInsert(table: string, writeId: number): RowState | undefined {
    return this.#maybeInserts.get(table)?.get(writeId);
  }

  /** A statement found no row where an acknowledged one should be. */
  vanished(table: string, key: string): void {
    const row = this.#rows(table).get(key);
    if (row !== undefined) row.vanished = true;
  }

  #rows(table: string): Map<string, LedgerRow> {
    let rows = this.#tables.get(table);
    if (rows === undefined) {
      rows = new Map();
      this.#tables.set(table, rows);
    }
    return rows;
  }
}
