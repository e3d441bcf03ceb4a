import { codeOf, messageOf } from '../errors.ts';

/** What kind of trouble a database error is, as the service's error settings divide it. */
export type DatabaseTrouble = 'conflict' | 'retry' | 'connection' | 'truncation' | 'table' | 'apply' | 'data';

const BY_CODE: Readonly<Record<string, DatabaseTrouble>> = {
  ER_DUP_ENTRY: 'conflict',
  ER_DUP_ENTRY_WITH_KEY_NAME: 'conflict',
  ER_DUP_UNKNOWN_IN_INDEX: 'conflict',
  ER_LOCK_DEADLOCK: 'retry',
  ER_LOCK_WAIT_TIMEOUT: 'retry',
  ER_CHECKREAD: 'retry',
  ER_DATA_TOO_LONG: 'truncation',
  ER_WARN_DATA_OUT_OF_RANGE: 'truncation',
  WARN_DATA_TRUNCATED: 'truncation',
  ER_NO_SUCH_TABLE: 'table',
  ER_BAD_FIELD_ERROR: 'table',
  ER_BAD_DB_ERROR: 'table',
  ER_TABLEACCESS_DENIED_ERROR: 'table',
  ER_COLUMNACCESS_DENIED_ERROR: 'table',
  ER_DBACCESS_DENIED_ERROR: 'table',
  ER_SIGNAL_EXCEPTION: 'apply',
  ER_OPTION_PREVENTS_STATEMENT: 'connection',
  ER_READ_ONLY_MODE: 'connection',
  ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION: 'connection',
  ER_SERVER_SHUTDOWN: 'connection',
  ER_CON_COUNT_ERROR: 'connection',
  ER_QUERY_INTERRUPTED: 'connection',
  ER_CONNECTION_KILLED: 'connection',
  ER_ACCESS_DENIED_ERROR: 'connection',
  PROTOCOL_CONNECTION_LOST: 'connection',
  PROTOCOL_ENQUEUE_AFTER_FATAL_ERROR: 'connection',
  ECONNREFUSED: 'connection',
  ECONNRESET: 'connection',
  ETIMEDOUT: 'connection',
  EPIPE: 'connection',
};

export function troubleOf(error: unknown): DatabaseTrouble {
  const known = BY_CODE[codeOf(error)];
  if (known !== undefined) return known;
  if (typeof error === 'object' && error !== null && 'fatal' in error && error.fatal === true) return 'connection';
  return /closed state/.test(messageOf(error)) ? 'connection' : 'data';
}
