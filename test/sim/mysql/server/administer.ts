import { NO_SCOPE } from '../evaluate/environment.ts';
import type { Statement } from '../sql/ast.ts';
import { parse } from '../sql/statement.ts';
import { UnsupportedSql } from '../sql/unsupported.ts';
import { textOf, type Value } from '../sql/value.ts';
import { sqlErrors } from '../sqlError.ts';
import type { Isolation } from '../storage/transaction.ts';
import { StatementReader } from './reader.ts';
import type { ServerSession } from './session.ts';
import type { Result } from './sessionState.ts';
import { show } from './show.ts';

type Answer = Omit<Result, 'inTransaction'>;
const NOTHING: Answer = { rows: null, columns: [], affectedRows: 0, insertId: 0 };

/** Carries out what reads and writes no rows. */
export function administer(
  session: ServerSession,
  sql: string,
  statement: Exclude<Statement, { kind: 'select' | 'insert' | 'update' | 'delete' | 'begin' | 'commit' | 'rollback' }>,
  parameters: readonly unknown[],
): Answer {
  const { core } = session;
  switch (statement.kind) {
    case 'nothing':
      return NOTHING;
    case 'use':
      session.database = statement.schema;
      return NOTHING;
    case 'do':
      evaluate(session, statement.expression, parameters);
      return NOTHING;
    case 'prepare':
      prepare(session, textOf(evaluate(session, statement.text, parameters) ?? ''));
      return NOTHING;
    case 'set':
      for (const { scope, name, value } of statement.assignments) {
        setVariable(session, scope, name, evaluate(session, value, parameters));
      }
      return NOTHING;
    case 'isolation':
      if (scopeOf(statement.level) === null) throw new UnsupportedSql(sql, 'an isolation level');
      if (statement.scope === 'global') core.isolation = statement.level as Isolation;
      else session.isolation = statement.level as Isolation;
      return NOTHING;
    case 'kill': {
      if (statement.what === 'statement') {
        const running = core.sessions.find((each) => each.running && each.queryId === statement.id);
        if (running === undefined) throw sqlErrors.noQuery(statement.id);
        running.interrupt();
        return NOTHING;
      }
      const victim = core.session(statement.id);
      if (victim === undefined) throw sqlErrors.noThread(statement.id);
      victim.end('killed');
      return NOTHING;
    }
    case 'show':
      return show(core, statement.what, sql);
    case 'xa':
      return xa(session, statement.action, statement.xid);
    default:
      define(session, statement);
      core.transactions.logDefinition({ sql, user: session.user, database: session.database });
      return NOTHING;
  }
}

/** Carries out a definition of the schema, written here or at another server. */
export function define(
  { core, database, user }: Pick<ServerSession, 'core' | 'database' | 'user'>,
  statement: Extract<
    Statement,
    { kind: 'createDatabase' | 'createTable' | 'addColumn' | 'createTrigger' | 'dropTrigger' }
  >,
): void {
  switch (statement.kind) {
    case 'createDatabase':
      core.catalog.createSchema(statement.name, statement.ifNotExists);
      return;
    case 'createTable':
      core.catalog.createTable(statement, database);
      return;
    case 'addColumn':
      core.catalog.addColumn(statement, database);
      return;
    case 'createTrigger':
      core.catalog.createTrigger(statement, database, `${user}@%`);
      return;
    case 'dropTrigger':
      core.catalog.dropTrigger(statement.schema ?? database ?? '', statement.name);
  }
}

function evaluate(
  session: ServerSession,
  expression: Parameters<ReturnType<typeof compilerOf>['expression']>[0],
  parameters: readonly unknown[],
): Value {
  const ready = compilerOf(session).expression(expression, NO_SCOPE);
  const reader = new StatementReader(session, false);
  return ready({ reader, parameters, outer: null, cells: [], group: null, locals: null });
}

/** What is missing is told, as with the statement itself. */
function prepare({ core, database }: ServerSession, sql: string): void {
  const statement = parse(sql);
  if (/^(select|insert|update|delete)$/.test(statement.kind)) {
    core.catalog.ready(sql, statement as Parameters<typeof core.catalog.ready>[1], database);
  }
}

function compilerOf(session: ServerSession) {
  return session.core.catalog.compiler(session.database);
}

function scopeOf(level: string): Isolation | null {
  return level === 'READ COMMITTED' || level === 'REPEATABLE READ' ? level : null;
}

function setVariable(session: ServerSession, scope: 'global' | 'session', name: string, value: Value): void {
  const { variables } = session.core;
  if (scope === 'session' && value === 'DEFAULT') {
    session.variables.delete(name);
    return;
  }
  if (!variables.has(name)) throw new UnsupportedSql(`SET ${name}`, 'a variable');
  const given = typeof value === 'string' && /^(ON|OFF)$/i.test(value) ? (value.toUpperCase() === 'ON' ? 1 : 0) : value;
  (scope === 'global' ? variables : session.variables).set(name, given);
}

function xa(session: ServerSession, action: string, xid: string): Answer {
  const { core } = session;
  switch (action) {
    case 'START':
      session.transaction = core.begin(session, session.isolation);
      return NOTHING;
    case 'END':
      return NOTHING;
    case 'PREPARE':
      if (session.transaction !== null) core.prepared.set(xid, session.transaction);
      session.transaction = null;
      return NOTHING;
    case 'RECOVER': {
      const columns = ['formatID', 'gtrid_length', 'bqual_length', 'data'];
      const rows = [...core.prepared.keys()].map((data): Value[] => [1, data.length, 0, data]);
      return { ...NOTHING, columns, rows };
    }
    case 'COMMIT':
    case 'ROLLBACK': {
      const transaction = core.prepared.get(xid);
      if (transaction === undefined) throw sqlErrors.noThread(0);
      core.prepared.delete(xid);
      if (action === 'COMMIT') core.transactions.commit(transaction);
      else core.transactions.rollBack(transaction);
      return NOTHING;
    }
  }
  throw new UnsupportedSql(`XA ${action} ${textOf(xid)}`, 'an XA statement');
}
