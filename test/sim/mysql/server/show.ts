import { UnsupportedSql } from '../sql/unsupported.ts';
import type { Value } from '../sql/value.ts';
import { SqlError } from '../sqlError.ts';
import type { ServerCore } from './core.ts';
import type { Result } from './sessionState.ts';

/** SHOW, as far as the controller asks for it. */
export function show(core: ServerCore, what: string, sql: string): Omit<Result, 'inTransaction'> {
  const answer = (columns: readonly string[], rows: readonly (readonly Value[])[]) => ({
    columns,
    rows,
    affectedRows: 0,
    insertId: 0,
  });
  const mariadb = core.options.flavour === 'mariadb';
  if (what === 'MASTER STATUS') {
    const { file, position } = core.binlog;
    return answer(['File', 'Position', 'Binlog_Do_DB', 'Binlog_Ignore_DB'], [[file, position, '', '']]);
  }
  if (what === 'ALL SLAVES STATUS' && mariadb) {
    const columns = [
      'Connection_name',
      'Master_Host',
      'Slave_IO_Running',
      'Slave_SQL_Running',
      'Last_IO_Errno',
      'Last_SQL_Errno',
    ];
    const rows = core.replicas.map((replica) => [
      replica.connection,
      replica.from,
      replica.receives() ? 'Yes' : 'No',
      replica.applies() ? 'Yes' : 'No',
      0,
      replica.errno(),
    ]);
    return answer(columns, rows);
  }
  if (/^GLOBAL STATUS LIKE \W*THREADS/i.test(what)) {
    const figures = [
      ['Threads_connected', core.sessions.length],
      ['Threads_running', core.sessions.filter((session) => session.running).length],
    ] as const;
    const all = /%/.test(what);
    return answer(
      ['Variable_name', 'Value'],
      figures.filter(([name]) => all || new RegExp(name, 'i').test(what)).map(([name, value]) => [name, value]),
    );
  }
  if (/^(ALL SLAVES|BINARY LOG|REPLICA) STATUS$/.test(what)) {
    throw new SqlError(1064, 'ER_PARSE_ERROR', '42000', `You have an error in your SQL syntax near '${what}'`);
  }
  throw new UnsupportedSql(sql, 'a SHOW');
}
