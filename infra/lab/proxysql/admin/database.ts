import { DatabaseSync, type SQLOutputValue } from 'node:sqlite';
import { CHECKSUMS_TABLE, CONFIG_TABLES, type ConfigTable, STATS_TABLES } from './tables.ts';

export type Row = readonly SQLOutputValue[];

/** What an admin statement gave: rows, or a number of rows changed. */
export type SqlOutcome =
  | { readonly columns: readonly string[]; readonly rows: readonly (readonly (string | null)[])[] }
  | { readonly changes: number };

/** The admin interface's SQLite: memory and runtime in `main`, the saved configuration in `disk`, figures in `stats`. */
export class AdminDatabase {
  readonly #sqlite = new DatabaseSync(':memory:');
  /** True when the disk held a configuration of an earlier run. */
  readonly hadDisk: boolean;

  /** @param diskFile where the saved configuration is kept */
  constructor(diskFile: string) {
    const file = diskFile.replaceAll("'", "''");
    this.#sqlite.exec(`ATTACH DATABASE '${file}' AS disk; ATTACH DATABASE ':memory:' AS stats`);
    // What survives here is the end of a process, not of a machine.
    this.#sqlite.exec('PRAGMA disk.journal_mode=WAL; PRAGMA disk.synchronous=OFF');
    this.hadDisk = this.all("SELECT 1 FROM disk.sqlite_master WHERE name='global_variables'").length > 0;
    for (const { name, columns } of CONFIG_TABLES) {
      this.#sqlite.exec(`CREATE TABLE main.${name} (${columns}); CREATE TABLE main.runtime_${name} (${columns})`);
      this.#sqlite.exec(`CREATE TABLE IF NOT EXISTS disk.${name} (${columns})`);
    }
    this.#sqlite.exec(`CREATE TABLE main.${CHECKSUMS_TABLE.name} (${CHECKSUMS_TABLE.columns})`);
    for (const { name, columns } of STATS_TABLES) this.#sqlite.exec(`CREATE TABLE stats.${name} (${columns})`);
  }

  /** Runs one statement as an operator sent it. Everything comes back as text. */
  run(sql: string): SqlOutcome {
    const statement = this.#sqlite.prepare(sql);
    const columns = statement.columns().map((column) => column.name);
    if (columns.length === 0) return { changes: Number(statement.run().changes) };
    statement.setReturnArrays(true);
    statement.setReadBigInts(true);
    const rows = statement.all() as unknown as SQLOutputValue[][];
    return { columns, rows: rows.map((row) => row.map(asText)) };
  }

  /** Rows as objects, for the stand-in's own use; integers as numbers. */
  all(sql: string, ...parameters: (string | number | null)[]): Record<string, SQLOutputValue>[] {
    return this.#sqlite.prepare(sql).all(...parameters) as Record<string, SQLOutputValue>[];
  }

  /** Replaces the whole content of a table. */
  fill(table: string, rows: Iterable<readonly (string | number | bigint | null)[]>): void {
    this.transaction(() => {
      this.#sqlite.exec(`DELETE FROM ${table}`);
      let insert: ReturnType<DatabaseSync['prepare']> | undefined;
      for (const row of rows) {
        insert ??= this.#sqlite.prepare(`INSERT INTO ${table} VALUES (${row.map(() => '?').join(',')})`);
        insert.run(...row);
      }
    });
  }

  /** Copies tables whole, all or none. */
  copy(tables: readonly ConfigTable[], from: 'main' | 'disk', to: 'main' | 'disk', where = ''): void {
    this.transaction(() => {
      for (const { name } of tables) {
        this.#sqlite.exec(
          `DELETE FROM ${to}.${name} ${where}; INSERT INTO ${to}.${name} SELECT * FROM ${from}.${name} ${where}`,
        );
      }
    });
  }

  /** Content of the runtime tables back into memory. */
  copyFromRuntime(tables: readonly ConfigTable[], where = ''): void {
    this.transaction(() => {
      for (const { name } of tables) {
        this.#sqlite.exec(
          `DELETE FROM main.${name} ${where}; INSERT INTO main.${name} SELECT * FROM main.runtime_${name} ${where}`,
        );
      }
    });
  }

  /** All or nothing; joins a transaction that is open already. */
  transaction(work: () => void): void {
    if (this.#sqlite.isTransaction) {
      work();
      return;
    }
    this.#sqlite.exec('BEGIN');
    try {
      work();
      this.#sqlite.exec('COMMIT');
    } catch (error) {
      this.#sqlite.exec('ROLLBACK');
      throw error;
    }
  }

  close(): void {
    this.#sqlite.close();
  }
}

function asText(value: SQLOutputValue): string | null {
  if (value === null) return null;
  // Integers come as bigint: a number is a REAL and keeps its point.
  if (typeof value === 'number') return Number.isInteger(value) ? value.toFixed(1) : String(value);
  return value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : String(value);
}
