import type { BackendConnection } from '../backend/connection.ts';
import { BackendRefusedError } from '../backend/errors.ts';
import { digestOf } from '../rules/digest.ts';
import { Command, SHARED_CAPABILITIES } from '../wire/constants.ts';
import type { ResponseSummary } from '../wire/responseTracker.ts';
import { runOnBackend } from './execution.ts';
import { ClientStatement, type GlobalStatement } from './preparedStatements.ts';
import { answerByRule, refuseLocked, verdictOn } from './query.ts';
import type { ClientSession } from './session.ts';

// Prepared statements belong to the client's session; at backends they are prepared where and when they are executed.
// So they follow a change of routes.

/** More than these on one backend connection: the oldest is closed. */
const MAX_STATEMENTS_PER_CONNECTION = 100;

/** COM_STMT_PREPARE: answered from the cache where any session had the same text prepared before. */
export async function handlePrepare(session: ClientSession, payload: Buffer): Promise<void> {
  const sql = payload.toString('latin1', 1);
  const digest = digestOf(sql);
  session.beginRequest();
  const verdict = verdictOn(session, sql, digest);
  if (answerByRule(session, verdict)) return;
  if (verdict.destinationHostgroup !== undefined && session.transactionHostgroup === -1) {
    session.currentHostgroup = verdict.destinationHostgroup;
  }
  if (refuseLocked(session)) return;
  const user = session.user?.username ?? '';
  const { schema } = session.state;
  const capabilities = (session.login?.capabilities ?? 0) & SHARED_CAPABILITIES;
  const known = session.runtime.statements.find(user, schema, sql, capabilities);
  if (known !== undefined) {
    handOut(session, known);
    return;
  }
  const pieces: Buffer[] = [];
  let preparedOn: BackendConnection | undefined;
  const summary = await runOnBackend(session, {
    command: 'Prepare',
    sql,
    digest,
    verdict,
    run: (connection) => {
      pieces.length = 0;
      preparedOn = connection;
      return connection.run(payload, 'prepare', (bytes) => {
        pieces.push(bytes);
        return true;
      });
    },
  });
  if (summary === undefined || preparedOn === undefined) return;
  const response = Buffer.concat(pieces);
  if (summary.errno !== 0) {
    session.forward(response);
    return;
  }
  const { numParams, numColumns, statementId } = summary;
  // Two sessions may have prepared it at once.
  const statement =
    session.runtime.statements.find(user, schema, sql, capabilities) ??
    session.runtime.statements.add({ user, schema, sql, response, numParams, numColumns }, capabilities);
  noteOnConnection(preparedOn, statement, statementId);
  handOut(session, statement);
}

function handOut(session: ClientSession, global: GlobalStatement): void {
  const statement = new ClientStatement(session.newStatementId(), global);
  global.clients++;
  session.statements.set(statement.id, statement);
  session.forward(statement.prepareResponse());
}

/** COM_STMT_EXECUTE, routed by the statement's text like a query. */
export async function handleExecute(session: ClientSession, payload: Buffer): Promise<void> {
  const statement = session.statements.get(payload.readUInt32LE(1));
  if (statement === undefined) {
    const id = payload.readUInt32LE(1);
    session.error(1243, 'HY000', `Unknown prepared statement handler (${id}) given to mysql_stmt_precheck`);
    return;
  }
  const { sql, digest } = statement.global;
  session.runtime.statistics.count('Questions');
  session.beginRequest();
  const verdict = verdictOn(session, sql, digest);
  // The text is fixed since the PREPARE.
  verdict.newQuery = undefined;
  const complete = statement.complete(payload);
  if (answerByRule(session, verdict)) return;
  if (verdict.destinationHostgroup !== undefined && session.transactionHostgroup === -1) {
    session.currentHostgroup = verdict.destinationHostgroup;
  }
  if (refuseLocked(session)) return;
  await runOnBackend(session, {
    command: 'Execute',
    sql,
    digest,
    verdict,
    run: async (connection, forward): Promise<ResponseSummary> => {
      const backendId =
        connection.statements.get(statement.global.id) ?? (await prepareAgain(connection, statement.global));
      for (const longData of statement.longDataPayloads(backendId)) connection.send(longData);
      complete.writeUInt32LE(backendId, 1);
      return connection.run(complete, 'query', forward);
    },
  });
  statement.reset();
}

async function prepareAgain(connection: BackendConnection, statement: GlobalStatement): Promise<number> {
  let reply = Buffer.alloc(0);
  const payload = Buffer.concat([Buffer.from([Command.STMT_PREPARE]), Buffer.from(statement.sql, 'latin1')]);
  const summary = await connection.run(payload, 'prepare', (bytes) => {
    if (reply.length === 0) reply = Buffer.from(bytes);
    return true;
  });
  if (summary.errno !== 0) {
    throw new BackendRefusedError(summary.errno, reply.toString('latin1', 8, 13), summary.errorMessage);
  }
  noteOnConnection(connection, statement, summary.statementId);
  return summary.statementId;
}

function noteOnConnection(connection: BackendConnection, statement: GlobalStatement, backendId: number): void {
  connection.statements.set(statement.id, backendId);
  if (connection.statements.size <= MAX_STATEMENTS_PER_CONNECTION) return;
  for (const [globalId, oldest] of connection.statements) {
    const close = Buffer.alloc(5);
    close[0] = Command.STMT_CLOSE;
    close.writeUInt32LE(oldest, 1);
    connection.send(close);
    connection.statements.delete(globalId);
    return;
  }
}
