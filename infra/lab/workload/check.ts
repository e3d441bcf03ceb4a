import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise';
import type { Ledger, LedgerRow, RowState } from './ledger.ts';
import { TABLE_KINDS } from './tables/index.ts';
import type { TableKind } from './tables/kind.ts';
import type { ServedInterval, SideConnection, WorkloadCheck, WorkloadFinding } from './types.ts';

const KEPT_FINDINGS = 50;

/** What to compare with what. */
export interface CheckInput {
  readonly ledgers: ReadonlyMap<number, Ledger>;
  /** Rows with a lower write number are not this run's. */
  readonly firstWriteId: number;
  /** The server that serves the org now, read past the proxies. */
  readonly sideOf: (orgId: number) => SideConnection;
  /** Who served when; orgs without an interval are not looked at for it. */
  readonly served?: readonly ServedInterval[];
  /** How far the clocks of the intervals and of the workload may be apart. Default 5. */
  readonly toleranceMs?: number;
}

/** Finds every acknowledged write on the side that serves its org, exactly once, with its last acknowledged value. */
export async function checkWorkload(input: CheckInput): Promise<WorkloadCheck> {
  const tally = new Tally();
  for (const [orgId, ledger] of input.ledgers) {
    tally.writesAcknowledged += ledger.writesAcknowledged;
    tally.ambiguousWrites += ledger.ambiguousWrites;
    const served = input.served?.filter((interval) => interval.orgId === orgId) ?? [];
    const side = input.sideOf(orgId);
    const connection = await createConnection({
      host: side.host,
      port: side.port,
      user: side.user,
      password: side.password,
      database: 'BigDB',
      charset: 'utf8mb4',
      supportBigNumbers: true,
      dateStrings: true,
    });
    try {
      for (const table of TABLE_KINDS) {
        await new TableCheck(orgId, table, ledger, tally, served, input).run(connection);
      }
    } finally {
      connection.destroy();
    }
  }
  return tally.result();
}

class Tally {
  writesAcknowledged = 0;
  ambiguousWrites = 0;
  lost = 0;
  duplicated = 0;
  mismatchedRows = 0;
  wrongSideWrites = 0;
  attributedWrites = 0;
  rowsChecked = 0;
  readonly #findings: WorkloadFinding[] = [];

  found(finding: WorkloadFinding): void {
    if (this.#findings.length < KEPT_FINDINGS) this.#findings.push(finding);
  }

  result(): WorkloadCheck {
    return {
      writesAcknowledged: this.writesAcknowledged,
      writesStored: this.writesAcknowledged - this.lost,
      lost: this.lost,
      duplicated: this.duplicated,
      mismatchedRows: this.mismatchedRows,
      wrongSideWrites: this.wrongSideWrites,
      attributedWrites: this.attributedWrites,
      ambiguousWrites: this.ambiguousWrites,
      rowsChecked: this.rowsChecked,
      findings: this.#findings,
    };
  }
}

class TableCheck {
  readonly #orgId: number;
  readonly #table: TableKind;
  readonly #ledger: Ledger;
  readonly #tally: Tally;
  readonly #served: readonly ServedInterval[];
  readonly #firstWriteId: number;
  readonly #toleranceMs: number;
  readonly #seenMaybeInserts = new Set<number>();
  #bornIds: Set<number> | undefined;

  constructor(
    orgId: number,
    table: TableKind,
    ledger: Ledger,
    tally: Tally,
    served: readonly ServedInterval[],
    { firstWriteId, toleranceMs = 5 }: CheckInput,
  ) {
    this.#orgId = orgId;
    this.#table = table;
    this.#ledger = ledger;
    this.#tally = tally;
    this.#served = served;
    this.#firstWriteId = firstWriteId;
    this.#toleranceMs = toleranceMs;
  }

  async run(connection: Connection): Promise<void> {
    const { name, checkColumns, keyOf } = this.#table;
    const [stored] = await connection.query<RowDataPacket[]>(
      `SELECT ${checkColumns}, WriteId, WriteSide FROM BigDB.${name} WHERE OrgID = ?`,
      [this.#orgId],
    );
    const expected = this.#ledger.rows(name);
    const seen = new Set<string>();
    for (const row of stored) {
      const key = keyOf(row);
      const known = expected.get(key);
      if (known === undefined) this.#checkUnknown(key, row);
      else {
        seen.add(key);
        this.#checkKnown(key, row, known);
      }
    }
    for (const [key, known] of expected) if (!seen.has(key)) this.#checkMissing(key, known);
  }

  #checkKnown(key: string, row: RowDataPacket, known: LedgerRow): void {
    this.#tally.rowsChecked += 1;
    const writeId = Number(row.WriteId);
    const state = [known.state, known.maybe].find((one) => one?.present && one.writeId === writeId);
    if (state === undefined || state === null) {
      if (known.state.present) this.#lost(key, `holds write ${writeId}, not ${known.state.writeId}`);
      // A delete that only may have happened is no loss.
      else if (!this.#isBeforeMaybeDelete(known, writeId))
        this.#lost(key, `is there although write ${known.state.writeId} deleted it`);
      return;
    }
    if (known.vanished) this.#lost(key, 'was not there when it was next written');
    this.#compareCounter(key, row, state);
    const problem = this.#table.problem(row, state);
    if (problem !== undefined) this.#mismatched(key, problem);
    if (state === known.state && known.ackMs > 0) this.#attribute(key, Number(row.WriteSide), known);
  }

  #isBeforeMaybeDelete({ state, maybe }: LedgerRow, writeId: number): boolean {
    return maybe !== null && !maybe.present && state.writeId === writeId;
  }

  #compareCounter(key: string, row: RowDataPacket, state: RowState): void {
    const { counterColumn } = this.#table;
    if (counterColumn === undefined) return;
    const surplus = Number(row[counterColumn]) - state.counter;
    if (surplus > 0) {
      this.#tally.duplicated += surplus;
      this.#found('duplicated', key, `${counterColumn} is ${row[counterColumn]}, not ${state.counter}`);
    } else if (surplus < 0)
      this.#lost(key, `${counterColumn} is ${row[counterColumn]}, not ${state.counter}`, -surplus);
  }

  #checkMissing(key: string, { state, maybe, vanished }: LedgerRow): void {
    if (!state.present) return;
    if (maybe !== null && !maybe.present) return;
    this.#lost(key, vanished ? `was not there when it was next written` : `write ${state.writeId} is missing`);
  }

  #checkUnknown(key: string, row: RowDataPacket): void {
    const writeId = Number(row.WriteId);
    if (writeId < this.#firstWriteId) return;
    this.#tally.rowsChecked += 1;
    const maybe = this.#ledger.maybeInsert(this.#table.name, writeId);
    if (maybe !== undefined && !this.#seenMaybeInserts.has(writeId)) {
      this.#seenMaybeInserts.add(writeId);
      const problem = this.#table.problem(row, maybe);
      if (problem !== undefined) this.#mismatched(key, problem);
      return;
    }
    this.#bornIds ??= new Set(
      [...this.#ledger.rows(this.#table.name).values()].flatMap(({ state }) => [state.bornId, state.writeId]),
    );
    if (maybe !== undefined || this.#bornIds.has(writeId)) {
      this.#tally.duplicated += 1;
      this.#found('duplicated', key, `holds write ${writeId} once more`);
    } else this.#mismatched(key, `holds write ${writeId}, which nobody made`);
  }

  /** Some moment between sending and acknowledgement must lie in a time when that side served the org. */
  #attribute(key: string, side: number, { sentMs, ackMs, state }: LedgerRow): void {
    if (this.#served.length === 0) return;
    this.#tally.attributedWrites += 1;
    const right = this.#served.some(
      ({ sides, fromMs, toMs }) =>
        sides.includes(side) && fromMs <= ackMs + this.#toleranceMs && toMs >= sentMs - this.#toleranceMs,
    );
    if (right) return;
    this.#tally.wrongSideWrites += 1;
    this.#found('wrongSide', key, `write ${state.writeId} was taken by side ${side} between ${sentMs} and ${ackMs}`);
  }

  #lost(key: string, detail: string, writes = 1): void {
    this.#tally.lost += writes;
    this.#found('lost', key, detail);
  }

  #mismatched(key: string, detail: string): void {
    this.#tally.mismatchedRows += 1;
    this.#found('mismatched', key, detail);
  }

  #found(kind: WorkloadFinding['kind'], key: string, detail: string): void {
    this.#tally.found({ kind, orgId: this.#orgId, table: this.#table.name, key, detail });
  }
}
