import type { Assignment, Expression, Insert, Statement, VariableAssignment } from './ast.ts';
import { Cursor } from './cursor.ts';
import { alter, create, drop } from './definition.ts';
import { expression } from './expression.ts';
import { ordering, select, tableName } from './select.ts';

/** Clients write their values into the text, so most of it comes once. */
const KEPT = 4_000;
const parsed = new Map<string, Statement>();

/** Reads one statement; throws `UnsupportedSql` for what is not known. What was read once is kept. */
export function parse(sql: string): Statement {
  const known = parsed.get(sql);
  if (known !== undefined) return known;
  const cursor = new Cursor(sql);
  const read = statement(cursor);
  if (!cursor.atEnd()) throw cursor.unknown('the end expected');
  if (parsed.size >= KEPT) parsed.clear();
  parsed.set(sql, read);
  return read;
}

function statement(cursor: Cursor): Statement {
  if (cursor.sees('SELECT')) return select(cursor);
  const { upper } = cursor.next();
  switch (upper) {
    case 'INSERT':
    case 'REPLACE':
      return insert(cursor, upper);
    case 'UPDATE': {
      const ignore = cursor.takes('IGNORE');
      const table = tableName(cursor);
      cursor.expect('SET');
      const set = cursor.list(() => assignment(cursor));
      return { kind: 'update', ignore, table, set, where: where(cursor) };
    }
    case 'DELETE': {
      cursor.expect('FROM');
      const from = tableName(cursor);
      const condition = where(cursor);
      const orderBy = ordering(cursor);
      return {
        kind: 'delete',
        from,
        where: condition,
        orderBy,
        limit: cursor.takes('LIMIT') ? expression(cursor) : null,
      };
    }
    case 'START':
      return start(cursor);
    case 'BEGIN':
      return { kind: 'begin', snapshot: false, readOnly: false };
    case 'COMMIT':
      return { kind: 'commit' };
    case 'ROLLBACK':
      return { kind: 'rollback' };
    case 'SET':
      return set(cursor);
    case 'DO':
      return { kind: 'do', expression: expression(cursor) };
    case 'USE':
      return { kind: 'use', schema: cursor.name() };
    case 'KILL':
      if (cursor.takes('QUERY')) {
        if (!cursor.takes('ID')) throw cursor.unknown('KILL QUERY of a thread');
        return { kind: 'kill', what: 'statement', id: cursor.number() };
      }
      cursor.takes('CONNECTION');
      return { kind: 'kill', what: 'connection', id: cursor.number() };
    case 'SHOW':
      return { kind: 'show', what: rest(cursor) };
    case 'XA':
      return xa(cursor);
    case 'CREATE':
      return create(cursor);
    case 'ALTER':
      return alter(cursor);
    case 'DROP':
      return drop(cursor);
    case 'PREPARE':
      cursor.name();
      cursor.expect('FROM');
      return { kind: 'prepare', text: expression(cursor) };
    case 'DEALLOCATE':
    case 'GRANT':
    case 'REVOKE':
      rest(cursor);
      return { kind: 'nothing' };
  }
  throw cursor.unknown('a statement expected');
}

function where(cursor: Cursor): Expression | null {
  return cursor.takes('WHERE') ? expression(cursor) : null;
}

function assignment(cursor: Cursor): Assignment {
  const column = cursor.name();
  cursor.expect('=');
  return { column, value: expression(cursor) };
}

function insert(cursor: Cursor, verb: string): Insert {
  const mode = verb === 'REPLACE' ? 'replace' : cursor.takes('IGNORE') ? 'ignore' : 'insert';
  cursor.takes('INTO');
  const into = tableName(cursor);
  const columns = cursor.sees('(') ? cursor.inParentheses(() => cursor.name()) : null;
  const rows = cursor.sees('SELECT') ? select(cursor) : values(cursor);
  const onDuplicate = cursor.takes('ON', 'DUPLICATE', 'KEY', 'UPDATE') ? cursor.list(() => assignment(cursor)) : [];
  return { kind: 'insert', mode, into, columns, rows, onDuplicate };
}

function values(cursor: Cursor): Insert['rows'] {
  cursor.expect('VALUES');
  if (cursor.peek().kind === 'parameter') {
    cursor.next();
    return { bulk: cursor.parameter() };
  }
  return cursor.list(() =>
    cursor.inParentheses(() => (cursor.takes('DEFAULT') ? ('default' as const) : expression(cursor))),
  );
}

function start(cursor: Cursor): Statement {
  cursor.expect('TRANSACTION');
  const snapshot = cursor.takes('WITH', 'CONSISTENT', 'SNAPSHOT');
  if (snapshot) cursor.takes(',');
  const readOnly = cursor.takes('READ', 'ONLY');
  return { kind: 'begin', snapshot, readOnly };
}

function set(cursor: Cursor): Statement {
  const scope = cursor.takes('GLOBAL') ? 'global' : 'session';
  if (scope === 'session') cursor.takes('SESSION');
  if (cursor.takes('TRANSACTION', 'ISOLATION', 'LEVEL')) return { kind: 'isolation', scope, level: rest(cursor) };
  return { kind: 'set', assignments: cursor.list(() => variableAssignment(cursor, scope)) };
}

function variableAssignment(cursor: Cursor, scope: VariableAssignment['scope']): VariableAssignment {
  const inner = cursor.takes('GLOBAL') ? 'global' : cursor.takes('SESSION') ? 'session' : scope;
  const token = cursor.next();
  const name = token.text.replace(/^@@(?:(?:global|session)\.)?/i, '').toLowerCase();
  const given = /^@@global\./i.test(token.text) ? 'global' : inner;
  cursor.expect('=');
  // A word on the right is a text: `SET autocommit = ON`.
  const word = cursor.peek();
  if (word.kind === 'word' && !isOpen(cursor)) {
    cursor.next();
    return { scope: given, name, value: { kind: 'literal', value: word.text } };
  }
  return { scope: given, name, value: expression(cursor) };
}

function isOpen(cursor: Cursor): boolean {
  const token = cursor.peek(1);
  return token.kind === 'operator' && token.text === '(';
}

function xa(cursor: Cursor): Statement {
  const action = cursor.name().toUpperCase();
  return { kind: 'xa', action, xid: action === 'RECOVER' ? '' : cursor.text() };
}

/** All that is left, in upper case. */
function rest(cursor: Cursor): string {
  const words: string[] = [];
  while (cursor.peek().kind !== 'end') words.push(cursor.next().upper);
  return words.join(' ');
}
