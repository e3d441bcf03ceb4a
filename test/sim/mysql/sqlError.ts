/** An error that the server answers with, in the form of mysql2's. */
export class SqlError extends Error {
  readonly errno: number;
  readonly code: string;
  readonly sqlState: string;
  readonly sqlMessage: string;

  constructor(errno: number, code: string, sqlState: string, message: string) {
    super(message);
    this.name = 'SqlError';
    this.errno = errno;
    this.code = code;
    this.sqlState = sqlState;
    this.sqlMessage = message;
  }
}

export const sqlErrors = {
  duplicate: (key: string, index: string) =>
    new SqlError(1062, 'ER_DUP_ENTRY', '23000', `Duplicate entry '${key}' for key '${index}'`),
  lockWaitTimeout: () =>
    new SqlError(1205, 'ER_LOCK_WAIT_TIMEOUT', 'HY000', 'Lock wait timeout exceeded; try restarting transaction'),
  deadlock: () =>
    new SqlError(
      1213,
      'ER_LOCK_DEADLOCK',
      '40001',
      'Deadlock found when trying to get lock; try restarting transaction',
    ),
  noTable: (name: string) => new SqlError(1146, 'ER_NO_SUCH_TABLE', '42S02', `Table '${name}' doesn't exist`),
  noDatabase: (name: string) => new SqlError(1049, 'ER_BAD_DB_ERROR', '42000', `Unknown database '${name}'`),
  noColumn: (name: string) => new SqlError(1054, 'ER_BAD_FIELD_ERROR', '42S22', `Unknown column '${name}'`),
  exists: (name: string) => new SqlError(1050, 'ER_TABLE_EXISTS_ERROR', '42S01', `Table '${name}' already exists`),
  columnExists: (name: string) => new SqlError(1060, 'ER_DUP_FIELDNAME', '42S21', `Duplicate column name '${name}'`),
  databaseExists: (name: string) =>
    new SqlError(1007, 'ER_DB_CREATE_EXISTS', 'HY000', `Can't create database '${name}'; database exists`),
  signal: (state: string, message: string) => new SqlError(1644, 'ER_SIGNAL_EXCEPTION', state, message),
  noQuery: (id: number) => new SqlError(1957, 'ER_NO_SUCH_QUERY', 'HY000', `Unknown query id: ${id}`),
  interrupted: () => new SqlError(1317, 'ER_QUERY_INTERRUPTED', '70100', 'Query execution was interrupted'),
  noThread: (id: number) => new SqlError(1094, 'ER_NO_SUCH_THREAD', 'HY000', `Unknown thread id: ${id}`),
  readOnly: () =>
    new SqlError(
      1290,
      'ER_OPTION_PREVENTS_STATEMENT',
      'HY000',
      'The server is running with the --read-only option so it cannot execute this statement',
    ),
  readOnlyTransaction: () =>
    new SqlError(
      1792,
      'ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION',
      '25006',
      'Cannot execute statement in a READ ONLY transaction',
    ),
  denied: (user: string) => new SqlError(1045, 'ER_ACCESS_DENIED_ERROR', '28000', `Access denied for user '${user}'`),
  tooManyRows: () => new SqlError(1242, 'ER_SUBQUERY_NO_1_ROW', '21000', 'Subquery returns more than 1 row'),
  notNull: (name: string) => new SqlError(1048, 'ER_BAD_NULL_ERROR', '23000', `Column '${name}' cannot be null`),
  noDefault: (name: string) =>
    new SqlError(1364, 'ER_NO_DEFAULT_FOR_FIELD', 'HY000', `Field '${name}' doesn't have a default value`),
  truncated: (name: string) =>
    new SqlError(1265, 'WARN_DATA_TRUNCATED', '01000', `Data truncated for column '${name}'`),
  tooLong: (name: string) => new SqlError(1406, 'ER_DATA_TOO_LONG', '22001', `Data too long for column '${name}'`),
} as const;
