import type { RowImage } from '../binlog/rows.ts';
import { isNull, isPresent, literalOf, sameValue } from '../binlog/values.ts';
import { TableError } from '../errors.ts';
import type { Column, SourceTable } from '../sql/columns.ts';
import { quoteName, quoteTable } from '../sql/connect.ts';

export interface WriteOptions {
  readonly lobLimitBytes: number;
  readonly supportLobs: boolean;
  readonly zeroDates: boolean;
}

interface WrittenColumn {
  readonly index: number;
  readonly column: Column;
  readonly name: string;
}

/** How rows of one source table are written to the target's: which columns, and the SQL for each kind of change. */
export class WritePlan {
  readonly source: SourceTable;
  readonly columns: readonly WrittenColumn[];
  readonly #options: WriteOptions;
  readonly #name: string;
  readonly #key: readonly WrittenColumn[];
  readonly insertHead: string;

  /**
   * @param strict throw a TableError for columns that the target has not got; without it they are left out, as after an ALTER at
   *   the source that the task does not carry over
   */
  constructor(source: SourceTable, target: SourceTable, options: WriteOptions, strict: boolean) {
    this.source = source;
    this.#options = options;
    this.#name = quoteTable(source.schema, source.name);
    const known = new Map(target.columns.map((column) => [column.name.toLowerCase(), column]));
    const written: WrittenColumn[] = [];
    const missing: string[] = [];
    source.columns.forEach((column, index) => {
      const counterpart = known.get(column.name.toLowerCase());
      if (counterpart === undefined) {
        if (!column.generated) missing.push(column.name);
        return;
      }
      if (column.generated || counterpart.generated) return;
      if (column.lob && !options.supportLobs) return;
      written.push({ index, column, name: quoteName(counterpart.name) });
    });
    if (strict && missing.length > 0) {
      throw new TableError('TARGET_COLUMN_MISSING', `${this.#name} at the target lacks ${missing.join(', ')}`);
    }
    this.columns = written;
    this.#key =
      source.primaryKey.length > 0
        ? source.primaryKey.map((index) => keyColumn(source, index))
        : written.filter(({ column }) => !column.lob && column.kind !== 'json');
    this.insertHead = `INSERT INTO ${this.#name} (${written.map(({ name }) => name).join(',')}) VALUES `;
  }

  /** `(…)`, to stand behind `insertHead`. */
  values(row: RowImage): string {
    return `(${this.columns.map((column) => this.#literal(row, column)).join(',')})`;
  }

  insert(row: RowImage): string {
    return this.insertHead + this.values(row);
  }

  /** Sets what changed; null when nothing that is written did. */
  update(before: RowImage, after: RowImage): string | null {
    const changed = this.columns.filter(
      ({ index, column }) =>
        isPresent(after, index) && (column.kind === 'temporal' || !sameValue(before, after, index)),
    );
    if (changed.every(({ index }) => sameValue(before, after, index))) return null;
    return this.#set(changed, before, after);
  }

  /** Makes the row that is there under `after`'s key what it is in `after`. */
  overwrite(after: RowImage): string {
    return this.#set(this.columns, after, after);
  }

  delete(before: RowImage): string {
    return `DELETE FROM ${this.#name} WHERE ${this.#where(before)}`;
  }

  keyChanged(before: RowImage, after: RowImage): boolean {
    return this.source.primaryKey.some((index) => !sameValue(before, after, index));
  }

  #set(columns: readonly WrittenColumn[], key: RowImage, row: RowImage): string {
    const assignments = columns.map((column) => `${column.name}=${this.#literal(row, column)}`);
    return `UPDATE ${this.#name} SET ${assignments.join(',')} WHERE ${this.#where(key)}`;
  }

  #where(row: RowImage): string {
    const terms = this.#key.map((column) =>
      isNull(row, column.index) ? `${column.name} IS NULL` : `${column.name}=${this.#literal(row, column)}`,
    );
    // Rows without a key may have twins; one change is meant for one of them.
    return this.source.primaryKey.length > 0 ? terms.join(' AND ') : `${terms.join(' AND ')} LIMIT 1`;
  }

  #literal(row: RowImage, { index, column }: WrittenColumn): string {
    const literal = literalOf(row, index, column, this.#options.lobLimitBytes);
    return column.kind === 'temporal' && !this.#options.zeroDates && isZero(literal) ? 'NULL' : literal;
  }
}

/** Columns that the target keeps by itself (ON UPDATE CURRENT_TIMESTAMP) are among the temporal ones: those are always set. */
function keyColumn(source: SourceTable, index: number): WrittenColumn {
  const column = source.columns[index];
  if (column === undefined)
    throw new TableError('KEY_COLUMN_MISSING', `${source.schema}.${source.name}: key column ${index}`);
  return { index, column, name: quoteName(column.name) };
}

const isZero = (literal: string): boolean => literal.startsWith("'0000-00-00");
