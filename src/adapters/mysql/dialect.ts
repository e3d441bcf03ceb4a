/** What differs between MariaDB and MySQL 8.0 to 9.7 in the statements of this adapter. */
export interface Dialect {
  readonly flavour: 'mariadb' | 'mysql';
  /** As the server gives it. */
  readonly version: string;
  /** Answers with columns File and Position, and Executed_Gtid_Set in MySQL. */
  readonly binlogStatus: string;
  /** A query with one column `gtid`. */
  readonly gtid: string;
  /** Set on every session beside what is common. */
  readonly sessionVariables: readonly string[];
  /** Takes the thread id of the waiting session; columns threadId, user, host, ageSeconds. */
  readonly blockers: string;
  /**
   * Takes a thread id; columns queryId, of its statement, and opening: 1 while that may still have to open its tables.
   * Null: statements may be ended at any time.
   */
  readonly statementOf: string | null;
  /** Column seconds: age of the oldest open transaction; null where none is open. */
  readonly oldestTransaction: string;
  /** Columns id and own: connections that wait for a table's metadata lock, and the one that asks. */
  readonly metadataWaiters: string;
  /** Columns host, user and own: the sessions of clients. */
  readonly clients: string;
  /** Columns name, channel or connection, with the threads' states; one row per source. */
  readonly replicaStatus: string;
}

function mariaDb(version: string): Dialect {
  return {
    flavour: 'mariadb',
    version,
    binlogStatus: 'SHOW MASTER STATUS',
    gtid: 'SELECT @@GLOBAL.gtid_current_pos AS gtid',
    sessionVariables: [],
    blockers: `SELECT DISTINCT b.trx_mysql_thread_id AS threadId, p.USER AS user, p.HOST AS host,
        TIMESTAMPDIFF(SECOND, b.trx_started, SYSDATE()) AS ageSeconds
      FROM information_schema.INNODB_LOCK_WAITS w
      JOIN information_schema.INNODB_TRX r ON r.trx_id = w.requesting_trx_id
      JOIN information_schema.INNODB_TRX b ON b.trx_id = w.blocking_trx_id
      LEFT JOIN information_schema.PROCESSLIST p ON p.ID = b.trx_mysql_thread_id
      WHERE r.trx_mysql_thread_id = ?`,
    statementOf: `SELECT QUERY_ID AS queryId, COMMAND = 'Sleep' OR COALESCE(STATE, '') IN
        ('', 'starting', 'Init', 'checking permissions', 'Opening tables', 'Filling schema table') AS opening
      FROM information_schema.PROCESSLIST WHERE ID = ?`,
    oldestTransaction:
      'SELECT MAX(TIMESTAMPDIFF(SECOND, trx_started, SYSDATE())) AS seconds FROM information_schema.INNODB_TRX',
    metadataWaiters: `SELECT ID AS id, ID = CONNECTION_ID() AS own FROM information_schema.PROCESSLIST
      WHERE STATE LIKE 'Waiting for table metadata lock%' OR ID = CONNECTION_ID()`,
    clients: `SELECT HOST AS host, USER AS user, ID = CONNECTION_ID() AS own FROM information_schema.PROCESSLIST
      WHERE HOST <> ''`,
    replicaStatus: 'SHOW ALL SLAVES STATUS',
  };
}

/** Age of a row of events_transactions_current, whose timer counts in picoseconds. */
const transactionSeconds = (alias: string) => `${alias}.TIMER_WAIT DIV 1000000000000`;

// Nothing here is from information_schema.INNODB_TRX or PROCESSLIST: they convert the text of every running statement
// to utf8mb3, whatever columns are asked for, and fail (3854) on the first emoji or binary value in one.
function mySql(version: string): Dialect {
  const [major = 8, minor = 0] = version.split('.').map(Number);
  // The new spelling came with 8.2, the old one went with 8.4; Aurora MySQL 3 is 8.0.
  const newNames = major > 8 || (major === 8 && minor >= 2);
  return {
    flavour: 'mysql',
    version,
    binlogStatus: newNames ? 'SHOW BINARY LOG STATUS' : 'SHOW MASTER STATUS',
    gtid: 'SELECT @@GLOBAL.gtid_executed AS gtid',
    // Else AUTO_INCREMENT and row figures may be a day old.
    sessionVariables: ['SET SESSION information_schema_stats_expiry = 0'],
    blockers: `SELECT DISTINCT bt.PROCESSLIST_ID AS threadId, bt.PROCESSLIST_USER AS user, bt.PROCESSLIST_HOST AS host,
        ${transactionSeconds('b')} AS ageSeconds
      FROM performance_schema.data_lock_waits w
      JOIN performance_schema.threads rt ON rt.THREAD_ID = w.REQUESTING_THREAD_ID
      JOIN performance_schema.threads bt ON bt.THREAD_ID = w.BLOCKING_THREAD_ID
      LEFT JOIN performance_schema.events_transactions_current b
        ON b.THREAD_ID = w.BLOCKING_THREAD_ID AND b.STATE = 'ACTIVE'
      WHERE rt.PROCESSLIST_ID = ?`,
    statementOf: null,
    oldestTransaction: `SELECT MAX(${transactionSeconds('t')}) AS seconds
      FROM performance_schema.events_transactions_current t WHERE t.STATE = 'ACTIVE'`,
    metadataWaiters: `SELECT PROCESSLIST_ID AS id, PROCESSLIST_ID = CONNECTION_ID() AS own FROM performance_schema.threads
      WHERE PROCESSLIST_ID IS NOT NULL
        AND (PROCESSLIST_STATE LIKE 'Waiting for table metadata lock%' OR PROCESSLIST_ID = CONNECTION_ID())`,
    clients: `SELECT PROCESSLIST_HOST AS host, COALESCE(PROCESSLIST_USER, '') AS user,
        PROCESSLIST_ID = CONNECTION_ID() AS own
      FROM performance_schema.threads WHERE PROCESSLIST_HOST IS NOT NULL`,
    replicaStatus: 'SHOW REPLICA STATUS',
  };
}

/** The dialect for what `SELECT VERSION()` answered. */
export function dialectOf(version: string): Dialect {
  return /mariadb/i.test(version) ? mariaDb(version) : mySql(version);
}
