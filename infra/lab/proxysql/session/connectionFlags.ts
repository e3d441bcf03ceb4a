import { type BackendConnection, ConnectionFlag } from '../backend/connection.ts';
import { ServerStatus } from '../wire/constants.ts';
import type { ResponseSummary } from '../wire/responseTracker.ts';

const KEEPING =
  /^(?:PREPARE |CREATE TEMPORARY TABLE |LOCK TABLE|FLUSH TABLES WITH READ LOCK|UNLOCK TABLES|SAVEPOINT )/i;
const SHOW_WARNINGS = /^SHOW (?:COUNT\(\*\) )?WARNINGS$/i;
/** Variables whose reading does not tie the session to its connection. */
const HARMLESS = /^SELECT (?:@@(?:session\.|local\.)?(?:tx_isolation|transaction_isolation|version)\w*(?: \w+)*,?)+$/i;

export interface FlagContext {
  /** `multiplex` of the rules: 0 off, 1 on, 2 not off because of this query. */
  readonly multiplex: number | undefined;
  readonly locked: boolean;
}

/** Notes on the connection what a statement left there that other sessions must not see. True if it left warnings. */
export function noteStatement(
  connection: BackendConnection,
  digest: string,
  summary: ResponseSummary,
  { multiplex, locked }: FlagContext,
): boolean {
  if (multiplex === 0) connection.flags |= ConnectionFlag.NO_MULTIPLEX;
  if (multiplex === 1) connection.flags &= ~ConnectionFlag.NO_MULTIPLEX;
  const warned = noteWarnings(connection, digest, summary);
  noteVariables(connection, digest, multiplex, locked);
  if (KEEPING.test(digest)) noteKept(connection, digest);
  // One search for both: most statements have neither.
  if (/GET_LOCK\(|SQL_CALC_FOUND_ROWS/i.test(digest)) {
    if (/GET_LOCK\(/i.test(digest)) connection.flags |= ConnectionFlag.GET_LOCK;
    if (/SQL_CALC_FOUND_ROWS/i.test(digest)) connection.flags |= ConnectionFlag.FOUND_ROWS;
  }
  if ((connection.flags & ConnectionFlag.HAS_SAVEPOINT) !== 0 && savepointIsGone(connection, digest)) {
    connection.flags &= ~ConnectionFlag.HAS_SAVEPOINT;
  }
  return warned;
}

function noteWarnings(connection: BackendConnection, digest: string, summary: ResponseSummary): boolean {
  if ((connection.flags & ConnectionFlag.HAS_WARNINGS) === 0) {
    connection.warningCount = summary.warnings;
    if (summary.warnings === 0) return false;
    connection.flags |= ConnectionFlag.HAS_WARNINGS;
    return true;
  }
  if (SHOW_WARNINGS.test(digest)) return true;
  connection.flags &= ~ConnectionFlag.HAS_WARNINGS;
  connection.warningCount = 0;
  return false;
}

function noteVariables(
  connection: BackendConnection,
  digest: string,
  multiplex: number | undefined,
  locked: boolean,
): void {
  if (/^SET /i.test(digest)) {
    if (locked) connection.flags |= ConnectionFlag.USER_VARIABLE;
    return;
  }
  if (multiplex !== 2 && digest.includes('@') && !HARMLESS.test(digest))
    connection.flags |= ConnectionFlag.USER_VARIABLE;
}

function noteKept(connection: BackendConnection, digest: string): void {
  const word = digest.slice(0, 6).toUpperCase();
  if (word === 'PREPAR') connection.flags |= ConnectionFlag.PREPARED_STATEMENT;
  else if (word === 'CREATE') connection.flags |= ConnectionFlag.TEMPORARY_TABLE;
  else if (word === 'UNLOCK') connection.flags &= ~ConnectionFlag.LOCK_TABLES;
  else if (word !== 'SAVEPO') connection.flags |= ConnectionFlag.LOCK_TABLES;
  else if (connection.inTransaction || (connection.status & ServerStatus.AUTOCOMMIT) === 0) {
    connection.flags |= ConnectionFlag.HAS_SAVEPOINT;
  }
}

function savepointIsGone(connection: BackendConnection, digest: string): boolean {
  const autocommit = (connection.status & ServerStatus.AUTOCOMMIT) !== 0;
  return (autocommit && !connection.inTransaction) || /^(?:COMMIT|ROLLBACK)$/i.test(digest);
}
