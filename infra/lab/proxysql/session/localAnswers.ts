import { ConnectionFlag } from '../backend/connection.ts';
import type { ClientSession } from './session.ts';
import { sessionJson } from './sessionJson.ts';
import { parseSet } from './setStatement.ts';

/** What became of a SET statement. */
export type SetAnswer = 'not a SET' | 'answered' | 'untracked' | 'autocommit';

/** Statements that never reach a backend. True if this was one. */
export function answerLocally(session: ClientSession, sql: string, digest: string): boolean {
  const first = digest.charCodeAt(0) & 0xdf;
  // U, S, K, P: the common INSERT, UPDATE and DELETE are through at once but for UPDATE.
  if (first === 0x55) return answerUse(session, sql, digest);
  if (first === 0x53) return answerShow(session, sql, digest);
  if (first === 0x4b) return answerKill(session, sql);
  if (first === 0x50 && /^PROXYSQL INTERNAL SESSION$/i.test(sql)) {
    session.result({ columns: ['session_info'], rows: [[JSON.stringify(sessionJson(session))]] });
    return true;
  }
  return false;
}

function answerUse(session: ClientSession, sql: string, digest: string): boolean {
  if (!/^USE[ `]/i.test(digest)) return false;
  const name = /USE\s*`?([^`;\s]+)`?[\s;]*$/i.exec(sql.replace(/\/\*.*?\*\//gs, ' '))?.[1];
  if (name === undefined) return false;
  session.state.schema = Buffer.from(name, 'latin1').toString('utf8');
  session.ok();
  return true;
}

function answerShow(session: ClientSession, sql: string, digest: string): boolean {
  if (sql === 'select @@version_comment limit 1') {
    session.result({ columns: ['@@version_comment'], rows: [['(ProxySQL)']] });
    return true;
  }
  const warnings = /^SHOW (COUNT\(\*\) )?WARNINGS$/i.exec(digest);
  if (warnings === null) return false;
  const backend = session.backends.get(session.warningHostgroup);
  const isThere = backend !== undefined && (backend.flags & ConnectionFlag.HAS_WARNINGS) !== 0;
  if (warnings[1] !== undefined) {
    const count = isThere ? backend.warningCount : 0;
    session.result({ columns: ['@@session.warning_count'], rows: [[String(count)]] });
    return true;
  }
  if (isThere) {
    session.currentHostgroup = session.warningHostgroup;
    return false;
  }
  session.result({ columns: ['Level', 'Code', 'Message'], rows: [] });
  return true;
}

/** Ids are those of the proxy's own sessions. */
function answerKill(session: ClientSession, sql: string): boolean {
  const match = /^KILL\s+(CONNECTION\s+|QUERY\s+)?(\d+)\s*;?$/i.exec(sql);
  if (match === null) return false;
  const target = session.runtime.sessions.get(Number(match[2]));
  if (target === undefined) {
    session.error(1094, 'HY000', `Unknown thread id: ${match[2]}`);
  } else if (target.user?.username !== session.user?.username) {
    session.error(1095, 'HY000', `You are not owner of thread ${match[2]}`);
  } else {
    killSession(target, /^QUERY/i.test(match[1] ?? '') ? 'QUERY' : 'CONNECTION');
    session.ok();
  }
  return true;
}

/** Ends a session, or only what it runs at the moment. */
export function killSession(target: ClientSession, how: 'CONNECTION' | 'QUERY'): void {
  if (how === 'CONNECTION') {
    target.drop();
    return;
  }
  const { running } = target;
  if (running?.isRunning !== true) return;
  target.runtime.killAtServer(running, 'QUERY').catch((error: unknown) => {
    process.stderr.write(`cannot kill the query of session ${target.id}: ${String(error)}\n`);
  });
}

/** A SET that is tracked is remembered and answered here; it reaches a backend with the next statement. */
export function answerSet(session: ClientSession, sql: string, digest: string): SetAnswer {
  if (!/^SET /i.test(digest)) return 'not a SET';
  if (digest.includes(';')) return 'untracked';
  const { kind, assignments } = parseSet(sql);
  let endsTransaction = false;
  for (const assignment of assignments) {
    if (assignment.name === 'autocommit' && assignment.value === '1' && !session.state.autocommit) {
      endsTransaction = session.openTransactions() > 0;
    }
    session.state.set(assignment);
  }
  if (kind === 'untracked') return 'untracked';
  // With a transaction open it would be committed by this: the server has to hear of it.
  if (endsTransaction) return 'autocommit';
  session.ok();
  return 'answered';
}
