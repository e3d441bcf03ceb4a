import { CutoverError } from '../errors/base.ts';

/** A table that cannot be compared: it is missing, has no primary key, or its columns do not fit each other. */
export class IncomparableTableError extends CutoverError {
  readonly code = 'TABLE_NOT_COMPARABLE';
  readonly remedy = 'Make the table’s definition on both sides fit (the reasons name what differs), then retry.';
  readonly table: string;
  readonly reasons: readonly string[];

  constructor(table: string, reasons: readonly string[]) {
    super(`table ${table} cannot be compared: ${reasons.join('; ')}`, { details: { table, reasons } });
    this.table = table;
    this.reasons = reasons;
  }
}

/** A primary key that cannot be read in chunks, or that the sides order apart. */
export class UnorderableKeyError extends CutoverError {
  readonly code = 'KEY_NOT_ORDERABLE';
  readonly remedy =
    'Give the table a primary key of numbers, dates, text or bytes, with the same collation on both sides, then retry.';
  readonly table: string;
  readonly column: string;

  /** @param types the column's at the source and at the target */
  constructor(table: string, column: string, types: readonly [string, string]) {
    super(`table ${table} cannot be read alike on both sides by its key column ${column} (${types.join(' and ')})`, {
      details: { table, column, types },
    });
    this.table = table;
    this.column = column;
  }
}

/** A read view whose session would show the same value in another way than the other side does. */
export class SessionNotComparableError extends CutoverError {
  readonly code = 'SESSION_NOT_COMPARABLE';
  readonly remedy = 'Open the read views with time_zone +00:00, utf8mb4 and a plain sql_mode, then retry.';
  readonly side: string;
  readonly variable: string;

  constructor(side: string, variable: string, value: string) {
    super(`the ${side}'s read view has ${variable} = ${value}`, { details: { side, variable, value } });
    this.side = side;
    this.variable = variable;
  }
}

/** The database gave an answer of another shape than the statement asks for. */
export class ComparisonReplyError extends CutoverError {
  readonly code = 'COMPARISON_REPLY_INVALID';
  readonly remedy = 'Report this with the statement and the server’s version; nothing was changed.';
  constructor(statement: string, cause: unknown) {
    super('a comparison statement was answered in an unexpected shape', { cause, details: { statement } });
  }
}

/** The checkpoint is another org's, or names a table that is not compared. */
export class CheckpointMismatchError extends CutoverError {
  readonly code = 'COMPARISON_CHECKPOINT_FOREIGN';
  readonly remedy = 'Start the comparison without a checkpoint.';
  constructor(why: string, details: Record<string, unknown>) {
    super(`the comparison cannot go on from the checkpoint: ${why}`, { details });
  }
}
