import type { StatsRow } from '../../../infra/lab/proxysql/admin/adminRuntime.ts';
import type { PooledConnection } from './hostgroups.ts';
import type { ProxySession } from './session.ts';

/** SERVER_STATUS_AUTOCOMMIT and SERVER_STATUS_IN_TRANS. */
const autocommit = 2;
const inTransaction = 1;

/** Rows of `stats_mysql_processlist`, with what a drain reads of `extended_info` in the form that the stand-in gives. */
export function* processList(sessions: Iterable<ProxySession>, nowMs: number): Generator<StatsRow> {
  for (const session of sessions) {
    const backend = session.backends.get(session.currentHostgroup);
    yield [
      0,
      session.id,
      session.user.username,
      session.schema,
      '10.0.0.1',
      40_000 + session.id,
      session.currentHostgroup,
      null,
      null,
      backend?.server.row.hostname ?? null,
      backend?.server.row.port ?? null,
      session.command,
      Math.round(nowMs - session.lastActivityMs),
      session.info,
      null,
      JSON.stringify(extendedInfo(session, nowMs)),
    ];
  }
}

function extendedInfo(session: ProxySession, nowMs: number): Record<string, unknown> {
  return {
    active_transactions: session.activeTransactions,
    client: { userinfo: { username: session.user.username, schemaname: session.schema } },
    current_hostgroup: session.currentHostgroup,
    locked_on_hostgroup: -1,
    transaction_time_ms: Math.round((nowMs - session.transactionStartedAtMs) * 1_000),
    ...(session.backends.size === 0
      ? {}
      : { backends: [...session.backends].map(([hostgroup, one]) => backendInfo(hostgroup, one)) }),
  };
}

function backendInfo(hostgroup: number, connection: PooledConnection | undefined): Record<string, unknown> {
  if (connection === undefined) return { hostgroup_id: hostgroup };
  return {
    hostgroup_id: hostgroup,
    conn: {
      mysql: { server_status: autocommit | (connection.inTransaction ? inTransaction : 0) },
      status: { temporary_table: false, get_lock: false, lock_tables: false },
    },
  };
}
