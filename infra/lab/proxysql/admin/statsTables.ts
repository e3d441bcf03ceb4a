import { digestHash } from '../rules/digest.ts';
import type { Runtime } from '../runtime.ts';
import { sessionJson } from '../session/sessionJson.ts';
import type { AdminRuntime, StatsRow } from './adminRuntime.ts';
import type { AdminDatabase } from './database.ts';
import { STATS_TABLES } from './tables.ts';

/** Fills those tables of the schema `stats` that a statement names, as they are at this moment. */
export function refreshStats(database: AdminDatabase, runtime: AdminRuntime, sql: string): void {
  if (!/stats_mysql_|processlist/i.test(sql)) return;
  for (const { name } of STATS_TABLES) {
    if (new RegExp(`\\b${name}\\b`, 'i').test(sql)) database.fill(`stats.${name}`, runtime.statsRows(name));
  }
}

/** Rows of a table of the schema `stats`, of the stand-in's own sessions and servers. */
export function statsRowsOf(runtime: Runtime, table: string): Iterable<StatsRow> {
  switch (table) {
    case 'stats_mysql_processlist':
      return processList(runtime);
    case 'stats_mysql_connection_pool':
      return connectionPool(runtime);
    case 'stats_mysql_query_rules':
      return [...runtime.rules.hits()].map(([id, hits]) => [id, hits]);
    case 'stats_mysql_users':
      return users(runtime);
    case 'stats_mysql_global':
      return globals(runtime);
    case 'stats_mysql_commands_counters':
      return runtime.statistics.commands.rows();
    case 'stats_mysql_query_digest':
      return runtime.statistics.digestRows();
    case 'stats_mysql_query_digest_reset':
      return emptied(runtime.statistics.digestRows(), runtime.statistics.digests);
    case 'stats_mysql_errors':
      return runtime.statistics.errorRows();
    case 'stats_mysql_errors_reset':
      return emptied(runtime.statistics.errorRows(), runtime.statistics.errors);
    case 'stats_mysql_prepared_statements_info':
      return preparedStatements(runtime);
    default:
      return [];
  }
}

function emptied(rows: Iterable<StatsRow>, figures: { clear(): void }): StatsRow[] {
  const last = [...rows];
  figures.clear();
  return last;
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
