import { bothSettled } from './bothSettled.ts';
import type { RowDigest, TablePair } from './chunks.ts';
import type { Mismatch, TableComparison } from './result.ts';

/** Bounds of what a comparison looks up and keeps. */
export interface FindingLimits {
  /** Mismatches that are described, over all tables. */
  readonly sample: number;
  /** Rows of one table that are looked up; beyond it a differing chunk counts as what its row counts prove. */
  readonly located: number;
}

/** Mismatches of all tables that are described. */
export class Sample {
  readonly #mismatches: Mismatch[];
  readonly limit: number;

  constructor(limit: number, soFar: readonly Mismatch[] = []) {
    this.limit = limit;
    this.#mismatches = soFar.slice(0, limit);
  }

  get room(): number {
    return this.limit - this.#mismatches.length;
  }

  get mismatches(): readonly Mismatch[] {
    return [...this.#mismatches];
  }

  add(mismatch: Mismatch): void {
    if (this.room > 0) this.#mismatches.push(mismatch);
  }
}

/** What has been found in one table so far. */
export class TableFindings {
  readonly #pair: TablePair;
  readonly #sample: Sample;
  readonly #locatedLimit: number;
  #rows: number;
  #targetRows: number;
  #mismatches: number;
  #exact: boolean;

  constructor(pair: TablePair, sample: Sample, locatedLimit: number, soFar?: TableComparison) {
    this.#pair = pair;
    this.#sample = sample;
    this.#locatedLimit = locatedLimit;
    this.#rows = soFar?.rows ?? 0;
    this.#targetRows = soFar?.targetRows ?? 0;
    this.#mismatches = soFar?.mismatches ?? 0;
    this.#exact = soFar?.exact ?? true;
  }

  /** False when enough rows have been looked up. */
  get locating(): boolean {
    return this.#mismatches < this.#locatedLimit;
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
    for (const row of source) {
      const other = atTarget.get(row.name);
      atTarget.delete(row.name);
      if (other === undefined) this.#found('missing', row.name, []);
      else if (other.digest !== row.digest) different.push({ source: row, target: other });
    }
    for (const name of atTarget.keys()) this.#found('extra', name, []);
    await this.#compareColumns(different);
  }

  async #compareColumns(pairs: readonly { source: RowDigest; target: RowDigest }[]): Promise<void> {
    const described = pairs.slice(0, this.#sample.room);
    if (described.length > 0) {
      const [source, target] = await bothSettled(
        this.#pair.source.columns(described.map((pair) => pair.source.key)),
        this.#pair.target.columns(described.map((pair) => pair.target.key)),
      );
      for (const { source: row } of described) {
        const before = source.get(row.name) ?? {};
        const after = target.get(row.name) ?? {};
        const columns = Object.keys(before).filter((column) => before[column] !== after[column]);
        this.#found('different', row.name, columns);
      }
    }
    this.#mismatches += pairs.length - described.length;
  }

  #found(kind: Mismatch['kind'], name: string, columns: string[]): void {
    this.#mismatches += 1;
    if (this.#sample.room === 0) return;
    this.#sample.add({ kind, table: this.#pair.table, key: { ...this.#pair.describeKey(name) }, columns });
  }
}
