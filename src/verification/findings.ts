import { bothSettled } from './bothSettled.ts';
import type { Key, RowDigest, TablePair } from './chunks.ts';
import type { RowRef } from './lookAtRows.ts';
import type { Mismatch, TableComparison } from './result.ts';

/** Bounds of what a comparison looks up and keeps. */
export interface FindingLimits {
  /** Mismatches that are described, over all tables. */
  readonly sample: number;
  /** Rows of one table that are looked up; beyond it a differing chunk counts as what its row counts prove. */
  readonly located: number;
}

/** One row that is not the same on both sides, with its key as each side writes it; null where the side has no such row. */
export interface Difference {
  readonly kind: Mismatch['kind'];
  /** Names the row, the same on both sides. */
  readonly name: string;
  readonly source: Key | null;
  readonly target: Key | null;
}

/** Told of every row that differs, table by table, a few at a time; awaited. */
export type TellDifferences = (pair: TablePair, differences: readonly Difference[]) => Promise<void>;

/** Mismatches of all tables that are described. */
export class Sample {
  readonly #mismatches: Mismatch[];
  readonly #rows: RowRef[];
  readonly limit: number;

  constructor(limit: number, soFar: readonly Mismatch[] = []) {
    this.limit = limit;
    this.#mismatches = soFar.slice(0, limit);
    this.#rows = [];
  }

  /** The rows that were described in this run: where to find them again. */
  get rows(): readonly RowRef[] {
    return [...this.#rows];
  }

  get room(): number {
    return this.limit - this.#mismatches.length;
  }

  get mismatches(): readonly Mismatch[] {
    return [...this.#mismatches];
  }

  add(mismatch: Mismatch, row: RowRef): void {
    if (this.room === 0) return;
    this.#mismatches.push(mismatch);
    this.#rows.push(row);
  }
}

/** What has been found in one table so far. */
export class TableFindings {
  readonly #pair: TablePair;
  readonly #sample: Sample;
  readonly #locatedLimit: number;
  readonly #tell: TellDifferences | undefined;
  #rows: number;
  #targetRows: number;
  #mismatches: number;
  #exact: boolean;

  constructor(
    pair: TablePair,
    sample: Sample,
    { located, tell }: { located: number; tell?: TellDifferences | undefined },
    soFar?: TableComparison,
  ) {
    this.#pair = pair;
    this.#sample = sample;
    this.#locatedLimit = located;
    this.#tell = tell;
    this.#rows = soFar?.rows ?? 0;
    this.#targetRows = soFar?.targetRows ?? 0;
    this.#mismatches = soFar?.mismatches ?? 0;
    this.#exact = soFar?.exact ?? true;
  }

  /** False when enough rows have been looked up; who is told of them wants them all. */
  get locating(): boolean {
    return this.#tell !== undefined || this.#mismatches < this.#locatedLimit;
  }

  get comparison(): TableComparison {
    return {
      table: this.#pair.table,
      rows: this.#rows,
      targetRows: this.#targetRows,
      mismatches: this.#mismatches,
      exact: this.#exact,
    };
  }

  counted(sourceRows: number, targetRows: number): void {
    this.#rows += sourceRows;
    this.#targetRows += targetRows;
  }

  /** A chunk that differs and is not looked into: at least this many of its rows differ. */
  notLocated(sourceRows: number, targetRows: number): void {
    this.#mismatches += Math.max(1, Math.abs(sourceRows - targetRows));
    this.#exact = false;
  }

  /** Compares the same rows of both sides one by one. */
  async compareRows(source: readonly RowDigest[], target: readonly RowDigest[]): Promise<void> {
    const atTarget = new Map(target.map((row) => [row.name, row]));
    const different: { source: RowDigest; target: RowDigest }[] = [];
    const told: Difference[] = [];
    for (const row of source) {
      const other = atTarget.get(row.name);
      atTarget.delete(row.name);
      if (other === undefined) {
        told.push(this.#found({ kind: 'missing', name: row.name, source: row.key, target: null }, []));
      } else if (other.digest !== row.digest) {
        different.push({ source: row, target: other });
        told.push({ kind: 'different', name: row.name, source: row.key, target: other.key });
      }
    }
    for (const { name, key } of atTarget.values()) {
      told.push(this.#found({ kind: 'extra', name, source: null, target: key }, []));
    }
    await this.#compareColumns(different);
    if (told.length > 0) await this.#tell?.(this.#pair, told);
  }

  async #compareColumns(pairs: readonly { source: RowDigest; target: RowDigest }[]): Promise<void> {
    const described = pairs.slice(0, this.#sample.room);
    if (described.length > 0) {
      const [source, target] = await bothSettled(
        this.#pair.source.columns(described.map((pair) => pair.source.key)),
        this.#pair.target.columns(described.map((pair) => pair.target.key)),
      );
      for (const { source: row, target: other } of described) {
        const before = source.get(row.name) ?? {};
        const after = target.get(row.name) ?? {};
        const columns = Object.keys(before).filter((column) => before[column] !== after[column]);
        this.#found({ kind: 'different', name: row.name, source: row.key, target: other.key }, columns);
      }
    }
    this.#mismatches += pairs.length - described.length;
  }

  #found(difference: Difference, columns: string[]): Difference {
    this.#mismatches += 1;
    if (this.#sample.room > 0) {
      const { table } = this.#pair;
      const { kind, name, source, target } = difference;
      const key = { ...this.#pair.describeKey(name) };
      this.#sample.add({ kind, table, key, columns }, { table, name, source, target });
    }
    return difference;
  }
}
