import type { Finding } from '../../../ports/finding.ts';
import { parseSession, processListQuery } from '../sessions.ts';
import type { ProxyFindingsInput } from './input.ts';

/** Sessions that an example is given of. */
const shownAtMost = 5;

/** Sessions of the org that are locked to a hostgroup: each gets an error with its first statement in a hold. */
export async function sessionFindings({ proxy, admin, match, signal }: ProxyFindingsInput): Promise<Finding[]> {
  // A comment tells no session from another.
  if (match.username === null && match.schemaname === null) return [];
  const sessions = (await admin.rows(processListQuery, signal)).map(parseSession).filter(({ row, extended }) => {
    const own = match.username === null ? row.db === match.schemaname : row.user === match.username;
    return own && extended.locked_on_hostgroup >= 0;
  });
  if (sessions.length === 0) return [];
  return [
    {
      code: 'PROXY_SESSION_LOCKED',
      severity: 'warn',
      message: `proxy ${proxy}: ${sessions.length} of the org’s sessions are locked to a hostgroup, and keep a flip from coming to its end`,
      remedy: 'Have the clients set no variables that the proxy does not track (SET @x), or reconnect before the flip.',
      evidence: {
        proxy,
        sessions: sessions
          .slice(0, shownAtMost)
          .map(({ row, extended }) => ({ id: row.SessionID, user: row.user, hostgroup: extended.locked_on_hostgroup })),
      },
    },
  ];
}
