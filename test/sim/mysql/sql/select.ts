import type { Expression, Item, Select, Source, TableName } from './ast.ts';
import type { Cursor } from './cursor.ts';
import { expression } from './expression.ts';

/** Words behind a source that are not its alias. */
const NOT_AN_ALIAS: ReadonlySet<string> = new Set(
  'WHERE JOIN LEFT INNER ON GROUP ORDER LIMIT FOR FORCE LOCK UNION SET VALUES'.split(' '),
);

/** Reads a SELECT, with what is united with it. */
export function select(cursor: Cursor): Select {
  const first = one(cursor);
  const unions: Select[] = [];
  while (cursor.takes('UNION')) unions.push(one(cursor));
  return { ...first, unions };
}

function one(cursor: Cursor): Select {
  cursor.expect('SELECT');
  const distinct = cursor.takes('DISTINCT');
  const items = cursor.list(() => item(cursor));
  const from = cursor.takes('FROM') && !cursor.takes('DUAL') ? sources(cursor) : [];
  const where = cursor.takes('WHERE') ? expression(cursor) : null;
  const groupBy = cursor.takes('GROUP', 'BY') ? cursor.list(() => expression(cursor)) : [];
  const orderBy = ordering(cursor);
  const { limit, offset } = limits(cursor);
  const lock = locking(cursor);
  return { kind: 'select', distinct, items, from, where, groupBy, orderBy, limit, offset, lock, unions: [] };
}

/** `schema.table` or `table`. */
export function tableName(cursor: Cursor): TableName {
  const first = cursor.name();
  return cursor.takes('.') ? { schema: first, table: cursor.name() } : { schema: null, table: first };
}

/** `ORDER BY …`, or nothing. */
export function ordering(cursor: Cursor): readonly { by: Expression; descending: boolean }[] {
  if (!cursor.takes('ORDER', 'BY')) return [];
  return cursor.list(() => {
    const by = expression(cursor);
    const descending = cursor.takes('DESC');
    if (!descending) cursor.takes('ASC');
    return { by, descending };
  });
}

function limits(cursor: Cursor): { limit: Expression | null; offset: Expression | null } {
  if (!cursor.takes('LIMIT')) return { limit: null, offset: null };
  const limit = expression(cursor);
  return { limit, offset: cursor.takes('OFFSET') ? expression(cursor) : null };
}

function locking(cursor: Cursor): Select['lock'] {
  if (cursor.takes('FOR', 'UPDATE')) return 'update';
  if (cursor.takes('LOCK', 'IN', 'SHARE', 'MODE') || cursor.takes('FOR', 'SHARE')) return 'share';
  return 'none';
}

function item(cursor: Cursor): Item {
  if (cursor.takes('*')) return { expression: null, table: null, alias: '*' };
  const start = cursor.peek().at;
  const first = cursor.peek();
  if ((first.kind === 'word' || first.kind === 'name') && isOperator(cursor, 1, '.') && isOperator(cursor, 2, '*')) {
    const table = cursor.name();
    cursor.expect('.');
    cursor.expect('*');
    return { expression: null, table, alias: '*' };
  }
  const value = expression(cursor);
  const written = cursor.sql.slice(start, cursor.peek().at).trim();
  const fallback = value.kind === 'column' ? value.name : written;
  const alias = cursor.takes('AS') ? cursor.name() : fallback;
  return { expression: value, table: null, alias };
}

function isOperator(cursor: Cursor, ahead: number, text: string): boolean {
  const token = cursor.peek(ahead);
  return token.kind === 'operator' && token.text === text;
}

function sources(cursor: Cursor): readonly Source[] {
  const found = [source(cursor, 'inner')];
  for (;;) {
    let join: Source['join'] = 'inner';
    if (cursor.takes('LEFT')) join = 'left';
    else if (!cursor.takes('INNER') && !cursor.sees('JOIN')) return found;
    cursor.expect('JOIN');
    const joined = source(cursor, join);
    cursor.expect('ON');
    found.push({ ...joined, on: expression(cursor) });
  }
}

function source(cursor: Cursor, join: Source['join']): Source {
  const name = tableName(cursor);
  cursor.takes('AS');
  const token = cursor.peek();
  const named = token.kind === 'name' || (token.kind === 'word' && !NOT_AN_ALIAS.has(token.upper));
  const alias = named ? cursor.name() : name.table;
  // Every row is found here whatever index is named.
  if (cursor.takes('FORCE', 'INDEX')) cursor.inParentheses(() => cursor.name());
  return { ...name, alias, join, on: null };
}
