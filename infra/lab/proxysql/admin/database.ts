import { DatabaseSync, type SQLOutputValue, type StatementSync } from 'node:sqlite';
import { CHECKSUMS_TABLE, CONFIG_TABLES, type ConfigTable, MONITOR_TABLES, STATS_TABLES } from './tables.ts';

export type Row = readonly SQLOutputValue[];

/** What an admin statement gave: rows, or a number of rows changed. */
export type SqlOutcome =
  | { readonly columns: readonly string[]; readonly rows: readonly (readonly (string | null)[])[] }
  | { readonly changes: number };

/** Statements of operators that are kept prepared. */
const mostOfOperators = 200;

/** The admin interface's SQLite: memory and runtime in `main`, the saved configuration in `disk`, figures in `stats`. */
export class AdminDatabase {
  readonly #sqlite = new DatabaseSync(':memory:');
  /** The stand-in's own statements: few. */
  readonly #statements = new Map<string, StatementSync>();
  /** Those of operators, as many as come again. */
  readonly #operators = new Map<string, StatementSync>();
  /** True when the disk held a configuration of an earlier run. */
  readonly hadDisk: boolean;

  /** @param diskFile where the saved configuration is kept */
  constructor(diskFile: string) {
    const file = diskFile.replaceAll("'", "''");
    this.#sqlite.exec(
      `ATTACH DATABASE '${file}' AS disk; ATTACH DATABASE ':memory:' AS stats; ATTACH DATABASE ':memory:' AS monitor`,
    );
    // What survives here is the end of a process, not of a machine.
    this.#sqlite.exec('PRAGMA disk.journal_mode=WAL; PRAGMA disk.synchronous=OFF');
    this.hadDisk = this.all("SELECT 1 FROM disk.sqlite_master WHERE name='global_variables'").length > 0;
    for (const { name, columns } of CONFIG_TABLES) {
      this.#sqlite.exec(`CREATE TABLE main.${name} (${columns}); CREATE TABLE main.runtime_${name} (${columns})`);
      this.#sqlite.exec(`CREATE TABLE IF NOT EXISTS disk.${name} (${columns})`);
    }
    this.#sqlite.exec(`CREATE TABLE main.${CHECKSUMS_TABLE.name} (${CHECKSUMS_TABLE.columns})`);
    for (const { name, columns } of MONITOR_TABLES) this.#sqlite.exec(`CREATE TABLE monitor.${name} (${columns})`);
    for (const { name, columns } of STATS_TABLES) this.#sqlite.exec(`CREATE TABLE stats.${name} (${columns})`);
  }

  /** Runs one statement as an operator sent it. Everything comes back as text. */
  run(sql: string): SqlOutcome {
    const statement = this.#ofOperators(sql);
    const columns = statement.columns().map((column) => column.name);
    if (columns.length === 0) return { changes: Number(statement.run().changes) };
    const rows = statement.all() as unknown as SQLOutputValue[][];
    return { columns, rows: rows.map((row) => row.map(asText)) };
  }

  /** Rows as objects, for the stand-in's own use; integers as numbers. */
  all(sql: string, ...parameters: (string | number | null)[]): Record<string, SQLOutputValue>[] {
    return this.#prepared(sql).all(...parameters) as Record<string, SQLOutputValue>[];
  }

  /** Replaces the whole content of a table. */
  fill(table: string, rows: Iterable<readonly (string | number | bigint | null)[]>): void {
    this.transaction(() => {
      this.#prepared(`DELETE FROM ${table}`).run();
      for (const row of rows)
        this.#prepared(`INSERT INTO ${table} VALUES (${row.map(() => '?').join(',')})`).run(...row);
    });
  }

  /** Copies tables whole, all or none. */
  copy(tables: readonly ConfigTable[], from: 'main' | 'disk', to: 'main' | 'disk', where = ''): void {
    this.#copyTables(tables, (name) => [`${from}.${name}`, `${to}.${name}`], where);
  }

  /** Content of the runtime tables back into memory. */
  copyFromRuntime(tables: readonly ConfigTable[], where = ''): void {
    this.#copyTables(tables, (name) => [`main.runtime_${name}`, `main.${name}`], where);
  }

  /** All or nothing; joins a transaction that is open already. */
  transaction(work: () => void): void {
    if (this.#sqlite.isTransaction) {
      work();
      return;
    }
    this.#prepared('BEGIN').run();
    try {
      work();
      this.#prepared('COMMIT').run();
    } catch (error) {
      this.#prepared('ROLLBACK').run();
      throw error;
    }
  }

  close(): void {
    this.#statements.clear();
    this.#operators.clear();
    this.#sqlite.close();
  }

  #copyTables(
    tables: readonly ConfigTable[],
    between: (name: string) => readonly [from: string, to: string],
    where: string,
  ): void {
    this.transaction(() => {
      for (const { name } of tables) {
        const [from, to] = between(name);
        this.#prepared(`DELETE FROM ${to} ${where}`).run();
        this.#prepared(`INSERT INTO ${to} SELECT * FROM ${from} ${where}`).run();
      }
    });
  }

  #ofOperators(sql: string): StatementSync {
    const known = this.#operators.get(sql);
    if (known !== undefined) return known;
    const statement = this.#sqlite.prepare(sql);
    statement.setReturnArrays(true);
    statement.setReadBigInts(true);
    if (this.#operators.size >= mostOfOperators) this.#operators.clear();
    this.#operators.set(sql, statement);
    return statement;
  }

  #prepared(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#sqlite.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

function asText(value: SQLOutputValue): string | null {
  if (value === null) return null;
  // Integers come as bigint: a number is a REAL and keeps its point.
  if (typeof value === 'number') return Number.isInteger(value) ? value.toFixed(1) : String(value);
  return value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : String(value);
}
