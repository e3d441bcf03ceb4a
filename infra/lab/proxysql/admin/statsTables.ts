import { digestHash } from '../rules/digest.ts';
import type { Runtime } from '../runtime.ts';
import { sessionJson } from '../session/sessionJson.ts';
import type { AdminDatabase } from './database.ts';

type StatsRow = (string | number | null)[];

/** Fills those tables of the schema `stats` that a statement names, as they are at this moment. */
export function refreshStats(database: AdminDatabase, runtime: Runtime, sql: string): void {
  if (!/stats_mysql_|processlist/i.test(sql)) return;
  const fill = (table: string, rows: () => Iterable<StatsRow>) => {
    if (new RegExp(`\\b${table}\\b`, 'i').test(sql)) database.fill(`stats.${table}`, rows());
  };
  fill('stats_mysql_processlist', () => processList(runtime));
  fill('stats_mysql_connection_pool', () => connectionPool(runtime));
  fill('stats_mysql_query_rules', () => [...runtime.rules.hits()].map(([id, hits]) => [id, hits]));
  fill('stats_mysql_users', () => users(runtime));
  fill('stats_mysql_global', () => globals(runtime));
  fill('stats_mysql_query_digest', () => runtime.statistics.digestRows());
  fill('stats_mysql_query_digest_reset', () => {
    const rows = [...runtime.statistics.digestRows()];
    runtime.statistics.digests.clear();
    return rows;
  });
  fill('stats_mysql_errors', () => runtime.statistics.errorRows());
  fill('stats_mysql_errors_reset', () => {
    const rows = [...runtime.statistics.errorRows()];
    runtime.statistics.errors.clear();
    return rows;
  });
  fill('stats_mysql_prepared_statements_info', () => preparedStatements(runtime));
}

function* processList(runtime: Runtime): Generator<StatsRow> {
  const extended = runtime.variables.number('mysql-show_processlist_extended');
  for (const session of runtime.sessions.values()) {
    const connection = session.backends.get(session.currentHostgroup);
    yield [
      0,
      session.id,
      session.user?.username ?? 'unauthenticated user',
      session.state.schema,
      session.clientAddress,
      session.clientPort,
      session.currentHostgroup,
      connection?.localAddress ?? null,
      connection?.localPort ?? null,
      connection?.server.host ?? null,
      connection?.server.port ?? null,
      session.command,
      Math.round(performance.now() - session.lastActivityMs),
      session.info === null ? null : Buffer.from(session.info, 'latin1').toString('utf8'),
      connection?.flags ?? null,
      extended === 0 ? null : JSON.stringify(sessionJson(session), undefined, extended === 2 ? 4 : undefined),
    ];
  }
}

function* connectionPool(runtime: Runtime): Generator<StatsRow> {
  for (const server of runtime.hostgroups.servers()) {
    yield [
      server.hostgroup,
      server.host,
      server.port,
      server.status,
      server.used.size,
      server.free.length,
      server.connectionsOpened,
      server.connectErrors,
      server.maxUsed,
      server.queries,
      0,
      server.bytesSent,
      server.bytesReceived,
      0,
    ];
  }
}

function* users(runtime: Runtime): Generator<StatsRow> {
  const connections = new Map<string, number>();
  for (const { user } of runtime.sessions.values()) {
    if (user !== undefined) connections.set(user.username, (connections.get(user.username) ?? 0) + 1);
  }
  for (const user of runtime.users.values()) {
    yield [user.username, connections.get(user.username) ?? 0, user.maxConnections];
  }
}

function globals(runtime: Runtime): StatsRow[] {
  let active = 0;
  for (const session of runtime.sessions.values()) active += session.activeTransactions;
  let backends = 0;
  for (const server of runtime.hostgroups.servers()) backends += server.used.size + server.free.length;
  return [
    ['ProxySQL_Uptime', String(runtime.uptimeSeconds)],
    ['Active_Transactions', String(active)],
    ['Client_Connections_connected', String(runtime.sessions.size)],
    ['Server_Connections_connected', String(backends)],
    ...[...runtime.statistics.counters].map(([name, count]) => [name, String(count)]),
  ];
}

function* preparedStatements(runtime: Runtime): Generator<StatsRow> {
  for (const one of runtime.statements.values()) {
    const text = Buffer.from(one.sql, 'latin1').toString('utf8');
    const hash = digestHash(one.digest.text);
    yield [one.id, one.schema, one.user, hash, one.clients, 0, one.numColumns, one.numParams, text];
  }
}
