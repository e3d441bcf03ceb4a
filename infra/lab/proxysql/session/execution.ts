import { type BackendConnection, ConnectionFlag } from '../backend/connection.ts';
import { BackendLostError, BackendRefusedError, ConnectTimeoutError } from '../backend/errors.ts';
import type { QueryDigest } from '../rules/digest.ts';
import type { Verdict } from '../rules/queryRules.ts';
import { ServerStatus } from '../wire/constants.ts';
import type { ResponseSummary } from '../wire/responseTracker.ts';
import { noteStatement } from './connectionFlags.ts';
import type { ClientSession, SessionCommand } from './session.ts';

/** A statement on its way to a backend. */
export interface Job {
  readonly command: Extract<SessionCommand, 'Query' | 'Execute' | 'Prepare'>;
  /** One character a byte. */
  readonly sql: string;
  readonly digest: QueryDigest;
  readonly verdict: Verdict;
  /** True for a SET autocommit=1 that goes to the backend itself. */
  readonly setsAutocommit?: boolean;
  /** Sends it on a connection that is ready for it. `sent` is to be called with each piece the client gets. */
  run(connection: BackendConnection, forward: (bytes: Buffer) => boolean): Promise<ResponseSummary>;
}

/**
 * Runs a statement in the session's current hostgroup: on the connection that the session holds there, else on one from
 * the pool, for which it is parked where none can be had.
 *
 * A connection that is lost under a statement has it run again on another one, once, provided that the client saw
 * nothing of the response yet and the connection carried no transaction and no other state. It may have been carried
 * out already: then it runs twice. Where it cannot be run again the client's connection is closed.
 */
export async function runOnBackend(session: ClientSession, job: Job): Promise<ResponseSummary | undefined> {
  const { runtime } = session;
  const hostgroup = session.currentHostgroup;
  const startedMs = performance.now();
  const timeoutMs = runtime.variables.number('mysql-connect_timeout_server_max');
  let deadlineMs = startedMs + timeoutMs;
  let retries = job.verdict.retries ?? runtime.variables.number('mysql-query_retries_on_failure');
  if (!session.backends.has(hostgroup)) session.backends.set(hostgroup, undefined);
  for (;;) {
    let connection = session.backends.get(hostgroup);
    let forwarded = false;
    try {
      if (connection === undefined) {
        session.command = 'Connect';
        session.info = null;
        connection = await take(session, hostgroup, deadlineMs);
        session.backends.set(hostgroup, connection);
      }
      session.running = connection;
      if (connection.server.status === 'OFFLINE_HARD') throw new BackendLostError('the server is offline');
      await prepareConnection(session, connection, job);
      session.command = job.command;
      session.info = job.sql;
      if (session.activeTransactions === 0) {
        // A running statement counts as a transaction, also in autocommit mode.
        session.activeTransactions = 1;
        session.transactionStartedAtMs = performance.now();
      }
      connection.server.queries++;
      const summary = await job.run(connection, (bytes) => {
        forwarded = true;
        return session.forward(bytes);
      });
      if (!session.signal.aborted) finished(session, connection, job, summary, performance.now() - startedMs);
      return summary;
    } catch (error) {
      session.running = undefined;
      if (session.signal.aborted) return undefined;
      if (error instanceof ConnectTimeoutError) {
        const waitedMs = Math.round(performance.now() - startedMs);
        runtime.statistics.count('max_connect_timeouts');
        session.error(
          9001,
          'HY000',
          `Max connect timeout reached while reaching hostgroup ${hostgroup} after ${waitedMs}ms`,
        );
        return undefined;
      }
      if (error instanceof BackendRefusedError) {
        if (connection !== undefined) giveUp(session, hostgroup, connection);
        session.error(error.errno, error.sqlState, error.message);
        return undefined;
      }
      if (!(error instanceof BackendLostError)) throw error;
      if (connection === undefined) {
        session.error(2002, 'HY000', `Can't connect to server: ${error.message}`);
        return undefined;
      }
      const again = retries > 0 && !forwarded && !connection.inTransaction && !connection.multiplexDisabled;
      giveUp(session, hostgroup, connection);
      if (!again) {
        session.drop();
        return undefined;
      }
      retries--;
      deadlineMs = performance.now() + timeoutMs;
    } finally {
      session.running = undefined;
    }
  }
}

function giveUp(session: ClientSession, hostgroup: number, connection: BackendConnection): void {
  session.backends.set(hostgroup, undefined);
  session.runtime.hostgroups.discard(connection);
}

async function take(session: ClientSession, hostgroup: number, deadlineMs: number): Promise<BackendConnection> {
  const { login, state, runtime, signal } = session;
  if (login === undefined) throw new BackendLostError('the client is not logged in');
  const { user, secret, collationId, capabilities } = login;
  const connection = await runtime.hostgroups.acquire(hostgroup, {
    login: { user, secret, collationId, capabilities },
    fits: (candidate) => state.fits(candidate),
    signal,
    deadlineMs,
  });
  if (signal.aborted || session.hasLeft) {
    runtime.hostgroups.release(connection);
    session.drop();
    throw new BackendLostError('the client is gone');
  }
  return connection;
}

const LOCKING_READ = / (?:FOR (?:UPDATE|SHARE)|LOCK IN SHARE MODE|NOWAIT|SKIP LOCKED)\b/i;

/** Brings schema, session variables and autocommit of the connection to what the session has. */
async function prepareConnection(session: ClientSession, connection: BackendConnection, job: Job): Promise<void> {
  const { state } = session;
  if (!state.isApplied(connection)) {
    session.command = connection.schema === state.schema ? 'Setting variable' : 'InitDB';
    await state.apply(connection);
  }
  const backendAutocommit = (connection.status & ServerStatus.AUTOCOMMIT) !== 0;
  if (job.setsAutocommit === true || (backendAutocommit && state.autocommit)) return;
  const enforce = session.runtime.variables.boolean('mysql-enforce_autocommit_on_reads');
  const plainRead = /^SELECT /i.test(job.digest.text) && !LOCKING_READ.test(job.digest.text);
  if (state.autocommit !== backendAutocommit) {
    // A plain read opens no transaction for autocommit=0 unless that is asked for.
    if (!enforce && !state.autocommit && plainRead) return;
    session.command = 'Changing autocommit';
    await connection.runOwn(`SET autocommit=${state.autocommit ? 1 : 0}`);
  } else if (!enforce && plainRead && !connection.inTransaction) {
    session.command = 'Changing autocommit';
    await connection.runOwn('SET autocommit=1');
  }
}

/** After the last byte of the response: what the session remembers, and whether it keeps the connection. */
function finished(
  session: ClientSession,
  connection: BackendConnection,
  job: Job,
  summary: ResponseSummary,
  elapsedMs: number,
): void {
  const { runtime } = session;
  if (summary.errno !== 0) {
    runtime.statistics.error({
      hostgroup: connection.server.hostgroup,
      host: connection.server.host,
      port: connection.server.port,
      user: session.user?.username ?? '',
      clientAddress: session.clientAddress,
      schema: session.state.schema,
      errno: summary.errno,
      lastError: summary.errorMessage,
    });
  }
  // After an error the count stays until a statement succeeds.
  if (summary.errno === 0) {
    if (!connection.inTransaction) {
      session.activeTransactions = session.openTransactions();
      if (session.activeTransactions === 0) session.transactionStartedAtMs = 0;
    }
    if (summary.lastInsertId !== 0) session.lastInsertId = summary.lastInsertId;
    if (summary.affectedRows !== 0) {
      session.lastWriteHostgroup = session.currentHostgroup;
      const keepFor = runtime.variables.number('mysql-auto_increment_delay_multiplex');
      if (keepFor > 0 && summary.lastInsertId !== 0) connection.autoIncrementToken = keepFor + 1;
    }
    // A locked session's SETs go past the proxy: the backend knows better.
    if (session.lockedOnHostgroup >= 0) session.state.autocommit = (connection.status & ServerStatus.AUTOCOMMIT) !== 0;
  }
  if (job.command === 'Query') {
    const context = { multiplex: job.verdict.multiplex, locked: session.lockedOnHostgroup >= 0 };
    session.warningHostgroup = noteStatement(connection, job.digest.text, summary, context)
      ? session.currentHostgroup
      : -1;
  }
  runtime.statistics.query(
    {
      hostgroup: session.currentHostgroup,
      schema: session.state.schema,
      user: session.user?.username ?? '',
      text: job.digest.text,
      rowsAffected: summary.affectedRows,
      rowsSent: summary.rowsSent,
    },
    elapsedMs * 1000,
  );
  keepOrRelease(session, connection, job);
}

function keepOrRelease(session: ClientSession, connection: BackendConnection, job: Job): void {
  if (connection.autoIncrementToken > 0) connection.autoIncrementToken--;
  if (session.lockedOnHostgroup >= 0 && job.verdict.multiplex === undefined) {
    connection.flags |= ConnectionFlag.NO_MULTIPLEX;
  }
  if (connection.autoIncrementToken > 0) connection.keptSinceMs = performance.now();
  const persistent = session.user?.transactionPersistent !== false;
  if (connection.inTransaction) {
    if (persistent && session.transactionHostgroup === -1) session.transactionHostgroup = session.currentHostgroup;
    return;
  }
  if (persistent) session.transactionHostgroup = -1;
  if (connection.multiplexDisabled || !session.runtime.variables.boolean('mysql-multiplexing')) return;
  session.backends.set(connection.server.hostgroup, undefined);
  session.runtime.hostgroups.release(connection);
}

/** Gives back connections that were kept only for a LAST_INSERT_ID() that did not come in time. */
export function releaseExpired(session: ClientSession): void {
  const timeoutMs = session.runtime.variables.number('mysql-auto_increment_delay_multiplex_timeout_ms');
  for (const [hostgroup, connection] of session.backends) {
    if (connection === undefined || connection.isRunning || connection.inTransaction || connection.flags !== 0)
      continue;
    if (connection.autoIncrementToken === 0 || performance.now() - connection.keptSinceMs < timeoutMs) continue;
    connection.autoIncrementToken = 0;
    session.backends.set(hostgroup, undefined);
    session.runtime.hostgroups.release(connection);
  }
}
