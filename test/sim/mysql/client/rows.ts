import type { WireField } from '../../../../src/adapters/mysql/wire.ts';
import type { Result } from '../server/sessionState.ts';
import { bytesOf, type Value } from '../sql/value.ts';

const VARCHAR = 0xfd;
const BINARY_CHARACTER_SET = 63;
const UTF8MB4 = 45;

export type PlainRow = Readonly<Record<string, unknown>>;

/** Rows as mysql2 gives them: integers that are not exact as text. */
export function plainRows({ rows, columns }: Result): readonly PlainRow[] {
  return (rows ?? []).map((row) =>
    Object.fromEntries(columns.map((column, index) => [column, plain(row[index] ?? null)])),
  );
}

/** Rows as they are on the wire: bytes, with what the columns are. */
export function rawRows({ rows, columns }: Result): { rows: readonly PlainRow[]; fields: readonly WireField[] } {
  const all = rows ?? [];
  const fields = columns.map((name, index) => ({
    name,
    columnType: VARCHAR,
    characterSet: all.some((row) => Buffer.isBuffer(row[index])) ? BINARY_CHARACTER_SET : UTF8MB4,
  }));
  const raw = all.map((row) =>
    Object.fromEntries(
      columns.map((column, index) => {
        const value = row[index] ?? null;
        return [column, value === null ? null : bytesOf(value)];
      }),
    ),
  );
  return { rows: raw, fields };
}

function plain(value: Value): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

/** What mysql2 gives for a statement without rows. */
export function header({ affectedRows, insertId }: Result): { affectedRows: number; insertId: number } {
  return { affectedRows, insertId };
}
