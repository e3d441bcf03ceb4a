import { type BackendConnection, ConnectionFlag } from '../backend/connection.ts';
import { Capability } from '../wire/constants.ts';
import type { ClientSession } from './session.ts';

/** Numbers of ProxySQL's session states, as far as they occur. */
const STATUS = {
  Connect: 1,
  Sleep: 4,
  Query: 6,
  InitDB: 7,
  'Changing autocommit': 10,
  Prepare: 21,
  Execute: 22,
  'Setting variable': 23,
} as const;

/**
 * `extended_info` of the process list. `transaction_time_ms` is in microseconds there, and without a transaction the
 * time since an arbitrary point: both are ProxySQL's own doing.
 */
export function sessionJson(session: ClientSession): Record<string, unknown> {
  const nowMs = performance.now();
  const { state, login } = session;
  const json: Record<string, unknown> = {
    active_transactions: session.activeTransactions,
    age_ms: Math.round(nowMs - session.startedAtMs),
    autocommit: state.autocommit,
    autocommit_on_hostgroup: -1,
    client: {
      client_addr: { address: session.clientAddress, port: session.clientPort },
      encrypted: false,
      proxy_addr: { address: session.socket.localAddress ?? '', port: session.proxyPort },
      userinfo: { schemaname: state.schema, username: login?.user ?? '' },
    },
    conn: {
      autocommit: state.autocommit ? 'ON' : 'OFF',
      client_flag: clientFlag(login?.capabilities ?? 0),
      ps: { client_stmt_to_global_ids: [...session.statements].map(([id, one]) => ({ [id]: one.global.id })) },
      session_track_gtids: 'OFF',
      status: { compression: false },
    },
    current_hostgroup: session.currentHostgroup,
    default_hostgroup: session.user?.defaultHostgroup ?? -1,
    default_schema: session.user?.defaultSchema ?? '',
    gtid: { hid: -1, last: '' },
    last_HG_affected_rows: session.lastWriteHostgroup,
    last_insert_id: session.lastInsertId,
    locked_on_hostgroup: session.lockedOnHostgroup,
    status: STATUS[session.command],
    thread_session_id: session.id,
    transaction_persistent: session.user?.transactionPersistent ?? true,
    transaction_time_ms: Math.round((nowMs - session.transactionStartedAtMs) * 1000),
    user_attributes: '',
    warning_in_hg: session.warningHostgroup,
  };
  if (session.backends.size > 0)
    json.backends = [...session.backends].map(([hostgroup, one]) => backendJson(hostgroup, one));
  return json;
}

function backendJson(hostgroup: number, connection: BackendConnection | undefined): Record<string, unknown> {
  const common = { gtid: '', hostgroup_id: hostgroup };
  if (connection === undefined) return { ...common, stream: { DSS: 0, questions: 0 } };
  const has = (flag: number) => (connection.flags & flag) !== 0;
  return {
    ...common,
    conn: {
      MultiplexDisabled: connection.multiplexDisabled,
      MultiplexDisabled_ext: connection.multiplexDisabled || connection.inTransaction,
      auto_increment_delay_token: connection.autoIncrementToken,
      autocommit: (connection.status & 2) === 0 ? 'OFF' : 'ON',
      bytes_recv: connection.bytesReceived,
      bytes_sent: connection.bytesSent,
      client_flag: clientFlag(connection.login.capabilities),
      myconnpoll_get: connection.timesTaken,
      mysql: {
        affected_rows: connection.lastAffectedRows,
        db: connection.schema,
        host: connection.server.host,
        host_info: `${connection.server.host} via TCP/IP`,
        insert_id: connection.lastInsertId,
        net: { last_errno: connection.lastErrno },
        port: connection.server.port,
        server_status: connection.status,
        server_version: connection.serverVersion,
        thread_id: connection.threadId,
        user: connection.login.user,
      },
      questions: connection.questions,
      status: {
        compression: false,
        found_rows: has(ConnectionFlag.FOUND_ROWS),
        get_lock: has(ConnectionFlag.GET_LOCK),
        has_savepoint: has(ConnectionFlag.HAS_SAVEPOINT),
        has_warnings: has(ConnectionFlag.HAS_WARNINGS),
        lock_tables: has(ConnectionFlag.LOCK_TABLES),
        no_multiplex: has(ConnectionFlag.NO_MULTIPLEX),
        no_multiplex_HG: false,
        prepared_statement: has(ConnectionFlag.PREPARED_STATEMENT),
        temporary_table: has(ConnectionFlag.TEMPORARY_TABLE),
        user_variable: has(ConnectionFlag.USER_VARIABLE),
      },
      warning_count: connection.warningCount,
    },
    stream: {
      bytes_recv: connection.bytesReceived,
      bytes_sent: connection.bytesSent,
      questions: connection.questions,
    },
  };
}

function clientFlag(capabilities: number): Record<string, number> {
  return {
    client_deprecate_eof: capabilities & Capability.DEPRECATE_EOF ? 1 : 0,
    client_found_rows: capabilities & Capability.FOUND_ROWS ? 1 : 0,
    client_multi_statements: capabilities & Capability.MULTI_STATEMENTS ? 1 : 0,
    value: capabilities,
  };
}
