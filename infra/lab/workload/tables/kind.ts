import type { RowDataPacket } from 'mysql2/promise';
import type { RowState } from '../ledger.ts';
import type { Statement } from '../session.ts';

/** What an insert is made from. */
export interface InsertInput {
  readonly orgId: number;
  /** Unique over all writes of all runs; the row's content follows from it. */
  readonly writeId: number;
  readonly prepared: boolean;
}

/** What a change of an own row is made from. */
export interface ChangeInput extends InsertInput {
  readonly key: string;
  readonly before: RowState;
}

/** A statement for one row, and how the row looks when it took effect. */
export interface PlannedWrite {
  readonly table: TableKind;
  /** null: the server makes up the id, and the answer tells it. */
  readonly key: string | null;
  readonly statement: Statement;
  readonly after: RowState;
}

/** How the workload writes one table and what it expects to find there. */
export interface TableKind {
  readonly name: string;
  insert(input: InsertInput): PlannedWrite;
  readonly update?: (input: ChangeInput) => PlannedWrite;
  readonly remove?: (input: ChangeInput) => PlannedWrite;
  /** Columns that the check reads, besides WriteId and WriteSide. */
  readonly checkColumns: string;
  /** A column that each update adds one to. */
  readonly counterColumn?: string;
  keyOf(row: RowDataPacket): string;
  /** What is wrong with the content of a row that holds the expected write; undefined when all is right. */
  problem(row: RowDataPacket, state: RowState): string | undefined;
}

/** The state after an insert. */
export function born(writeId: number, status: string | null = null): RowState {
  return { present: true, writeId, bornId: writeId, counter: 0, status, seq: 0 };
}

/** The state after a change. */
export function changed(before: RowState, writeId: number, change: Partial<RowState> = {}): RowState {
  return { ...before, writeId, seq: before.seq + 1, ...change };
}

/** The state after a delete. */
export function gone(before: RowState, writeId: number): RowState {
  return changed(before, writeId, { present: false });
}

const FILLER =
  'the quick brown fox jumps over the lazy dog, again and again and again until nobody counts the dogs any more ';

/** Text of 20 to 130 characters that follows from a write's number; one in four goes beyond the basic plane. */
export function textOf(writeId: number): string {
  return `w${writeId} ${FILLER.slice(0, writeId % 110)}${writeId % 4 === 0 ? '😀é' : ''}.`;
}

/** Compares one column. */
export function differs(column: string, found: unknown, expected: unknown): string | undefined {
  return found === expected ? undefined : `${column} is ${String(found)}, not ${String(expected)}`;
}

/** The first of several comparisons that found something. */
export function firstProblem(...problems: (string | undefined)[]): string | undefined {
  return problems.find((problem) => problem !== undefined);
}
