/** The states of a table, in the service's words. */
export type TableState =
  | 'Table does not exist'
  | 'Before load'
  | 'Full load'
  | 'Table completed'
  | 'Table cancelled'
  | 'Table error'
  | 'Table is being reloaded';

/** What a task has done to one table. Dates are milliseconds since 1970. */
export class TableStatistics {
  readonly schema: string;
  readonly table: string;
  state: TableState = 'Before load';
  inserts = 0;
  updates = 0;
  deletes = 0;
  ddls = 0;
  appliedInserts = 0;
  appliedUpdates = 0;
  appliedDeletes = 0;
  appliedDdls = 0;
  fullLoadRows = 0;
  fullLoadErrorRows = 0;
  /** Rows that the source's optimiser expects; for the progress only. */
  expectedRows = 0;
  fullLoadStartMs: number | null = null;
  fullLoadEndMs: number | null = null;
  reloaded = false;
  applyErrors = 0;
  error: string | null = null;
  lastUpdateMs = Date.now();

  constructor(schema: string, table: string) {
    this.schema = schema;
    this.table = table;
  }

  get name(): string {
    return `${this.schema}.${this.table}`;
  }

  touch(): void {
    this.lastUpdateMs = Date.now();
  }

  enter(state: TableState): void {
    this.state = state;
    this.touch();
  }

  /** A captured change, and whether it was written or dropped. */
  count(kind: 'insert' | 'update' | 'delete', applied: boolean): void {
    if (kind === 'insert') {
      this.inserts += 1;
      if (applied) this.appliedInserts += 1;
    } else if (kind === 'update') {
      this.updates += 1;
      if (applied) this.appliedUpdates += 1;
    } else {
      this.deletes += 1;
      if (applied) this.appliedDeletes += 1;
    }
    this.touch();
  }

  /** Share of the load that is done, 0 to 1. A table in error counts as done, as the service counts it. */
  get loadedShare(): number {
    if (this.state === 'Table completed' || this.state === 'Table error' || this.state === 'Table cancelled') return 1;
    if (this.expectedRows === 0) return 0;
    return Math.min(0.99, this.fullLoadRows / this.expectedRows);
  }
}
