/** Version of a row; null where there is none. */
export type Version = number | null;

/** What is known of one row. It has one writer, and versions only grow. */
export interface LedgerRow {
  readonly orgId: number;
  readonly table: string;
  readonly id: number;
  readonly writer: string;
  /** The last acknowledged one. */
  settled: Version;
  /**
   * What was asked for and not acknowledged: it may be there, or come yet. Refusals too: a proxy runs a statement again
   * whose connection it lost, and only the second run may have been refused.
   */
  readonly maybe: Set<Version>;
  /** Host of the server that acknowledged the last write, and when. */
  ackedBy: string | null;
  /** A statement on it was given up: it is left alone from now on. */
  abandoned: boolean;
}

/** Everything that clients were told is stored. */
export class Ledger {
  readonly #rows = new Map<string, LedgerRow>();
  #acknowledged = 0;

  get acknowledged(): number {
    return this.#acknowledged;
  }

  rows(orgId: number): LedgerRow[] {
    return [...this.#rows.values()].filter((row) => row.orgId === orgId);
  }

  /** A row that is about to be written for the first time. */
  begin(orgId: number, table: string, id: number, writer: string): LedgerRow {
    const row: LedgerRow = {
      orgId,
      table,
      id,
      writer,
      settled: null,
      maybe: new Set(),
      ackedBy: null,
      abandoned: false,
    };
    this.#rows.set(`${orgId}/${table}/${id}`, row);
    return row;
  }

  /** The statement is on its way: until it is answered nobody knows. */
  asked(row: LedgerRow, version: Version): void {
    row.maybe.add(version);
  }

  /** The server acknowledged it. */
  settle(row: LedgerRow, version: Version, host: string | null): void {
    row.settled = version;
    row.maybe.clear();
    if (host !== null) row.ackedBy = host;
    this.#acknowledged += 1;
  }
}

/** Whether what is stored can be what the clients were told. */
export function agrees(row: LedgerRow, stored: Version): boolean {
  return stored === row.settled || row.maybe.has(stored);
}
