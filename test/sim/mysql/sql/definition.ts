import type { ColumnDefinition, CreateTable, Expression, Statement } from './ast.ts';
import type { Cursor } from './cursor.ts';
import { expression } from './expression.ts';
import { program } from './program.ts';
import { tableName } from './select.ts';

/** Reads what follows CREATE. */
export function create(cursor: Cursor): Statement {
  if (cursor.takes('DATABASE')) {
    const ifNotExists = cursor.takes('IF', 'NOT', 'EXISTS');
    return { kind: 'createDatabase', name: cursor.name(), ifNotExists };
  }
  if (cursor.takes('USER')) {
    while (cursor.peek().kind !== 'end') cursor.next();
    return { kind: 'nothing' };
  }
  if (cursor.takes('TABLE')) return table(cursor);
  cursor.expect('TRIGGER');
  const { schema, table: name } = tableName(cursor);
  cursor.expect('BEFORE');
  const event = cursor.next().upper;
  if (event !== 'INSERT' && event !== 'UPDATE' && event !== 'DELETE') throw cursor.unknown('an event expected');
  cursor.expect('ON');
  const on = tableName(cursor);
  cursor.expect('FOR', 'EACH', 'ROW');
  return { kind: 'createTrigger', schema, name, event, table: on, body: program(cursor) };
}

/** Reads what follows ALTER. */
export function alter(cursor: Cursor): Statement {
  cursor.expect('TABLE');
  const table = tableName(cursor);
  cursor.expect('ADD');
  if (cursor.takes('KEY')) {
    // Every row is found here without one.
    cursor.name();
    names(cursor);
    return { kind: 'nothing' };
  }
  cursor.expect('COLUMN');
  return { kind: 'addColumn', table, column: column(cursor).column };
}

/** Reads what follows DROP. */
export function drop(cursor: Cursor): Statement {
  cursor.expect('TRIGGER');
  const ifExists = cursor.takes('IF', 'EXISTS');
  const { schema, table: name } = tableName(cursor);
  return { kind: 'dropTrigger', schema, name, ifExists };
}

function table(cursor: Cursor): CreateTable {
  const ifNotExists = cursor.takes('IF', 'NOT', 'EXISTS');
  const name = tableName(cursor);
  const columns: ColumnDefinition[] = [];
  const unique: { name: string; columns: readonly string[] }[] = [];
  let primaryKey: readonly string[] = [];
  cursor.expect('(');
  cursor.list(() => {
    if (cursor.takes('PRIMARY', 'KEY')) {
      primaryKey = names(cursor);
    } else if (cursor.takes('UNIQUE')) {
      cursor.takes('KEY');
      const named = cursor.sees('(') ? null : cursor.name();
      const of = names(cursor);
      unique.push({ name: named ?? of[0] ?? '', columns: of });
    } else if (cursor.takes('KEY')) {
      if (!cursor.sees('(')) cursor.name();
      names(cursor);
    } else {
      const found = column(cursor);
      columns.push(found.column);
      if (found.primary) primaryKey = [found.column.name];
      if (found.unique) unique.push({ name: found.column.name, columns: [found.column.name] });
    }
  });
  cursor.expect(')');
  const collation = tableOptions(cursor);
  // A table's character set holds for the columns that name none.
  const complete = columns.map((each) =>
    each.characterSet === null && isText(each.base) ? { ...each, characterSet: 'utf8mb4', collation } : each,
  );
  return { kind: 'createTable', name, ifNotExists, columns: complete, primaryKey, unique };
}

function names(cursor: Cursor): readonly string[] {
  return cursor.inParentheses(() => cursor.name());
}

function tableOptions(cursor: Cursor): string {
  let collation = 'utf8mb4_general_ci';
  while (cursor.peek().kind !== 'end' && !cursor.sees(';')) {
    const word = cursor.next().upper;
    cursor.takes('=');
    if (word === 'COLLATE') collation = cursor.name();
  }
  return collation;
}

interface ColumnRead {
  readonly column: ColumnDefinition;
  readonly primary: boolean;
  readonly unique: boolean;
}

function column(cursor: Cursor): ColumnRead {
  const name = cursor.name();
  const { type, base, sizes } = columnType(cursor);
  let nullable = true;
  let autoIncrement = false;
  let primary = false;
  let unique = false;
  let fallback: Expression | null = null;
  let characterSet: string | null = null;
  let collation: string | null = null;
  for (;;) {
    if (cursor.takes('NOT', 'NULL')) nullable = false;
    else if (cursor.takes('NULL')) nullable = true;
    else if (cursor.takes('AUTO_INCREMENT')) autoIncrement = true;
    else if (cursor.takes('PRIMARY', 'KEY')) primary = true;
    else if (cursor.takes('UNIQUE')) unique = true;
    else if (cursor.takes('DEFAULT')) fallback = expression(cursor);
    else if (cursor.takes('CHARACTER', 'SET')) characterSet = cursor.name();
    else if (cursor.takes('COLLATE')) collation = cursor.name();
    else break;
  }
  nullable = nullable && !primary;
  const definition = { name, type, base, sizes, nullable, default: fallback, autoIncrement, characterSet, collation };
  return { column: definition, primary, unique };
}

function columnType(cursor: Cursor): { type: string; base: string; sizes: readonly number[] } {
  const base = cursor.name().toLowerCase();
  let type = base;
  let sizes: readonly number[] = [];
  if (cursor.sees('(')) {
    const inner = cursor.inParentheses(() => cursor.next());
    const literal = inner.map((token) => (token.kind === 'text' ? `'${token.text}'` : token.text)).join(',');
    type += `(${literal})`;
    sizes = inner.map((token) => Number(token.text));
  }
  if (cursor.takes('UNSIGNED')) type += ' unsigned';
  return { type, base, sizes };
}

function isText(base: string): boolean {
  return /^(char|varchar|tinytext|text|mediumtext|longtext|enum|set)$/.test(base);
}
