import { z } from 'zod';
import type { Finding } from '../../../ports/finding.ts';
import { literal } from '../admin.ts';
import type { ProxyFindingsInput } from './input.ts';

const userRow = z.object({
  user: z.string(),
  persistent: z.coerce.number(),
  fastForward: z.coerce.number(),
});

/** The users that the org's queries come with, or may come with where a user does not tell orgs apart. */
export async function userFindings(input: ProxyFindingsInput): Promise<Finding[]> {
  const { proxy, admin, routing, match, signal } = input;
  const { writerHostgroup, readerHostgroup } = routing.source;
  const hostgroups = [writerHostgroup, ...(readerHostgroup === undefined ? [] : [readerHostgroup])].join(', ');
  const which =
    match.username === null ? `default_hostgroup IN (${hostgroups})` : `username = ${literal(match.username)}`;
  const rows = await admin.rows(
    `SELECT username AS user, MIN(transaction_persistent) AS persistent, MAX(fast_forward) AS fastForward
       FROM runtime_mysql_users WHERE active = 1 AND frontend = 1 AND ${which} GROUP BY username`,
    signal,
  );
  const users = rows.map((row) => userRow.parse(row));
  const finding = (code: string, all: readonly { user: string }[], what: string, remedy: string): Finding[] =>
    all.length === 0
      ? []
      : [
          {
            code,
            severity: 'refuse',
            message: `proxy ${proxy}: ${what} for ${all.map(({ user }) => user).join(', ')}`,
            remedy,
            evidence: { proxy, users: all.map(({ user }) => user) },
          },
        ];
  return [
    ...finding(
      'PROXY_TRANSACTIONS_SPLIT',
      users.filter(({ persistent }) => persistent === 0),
      'transaction_persistent is 0, so a COMMIT can reach another side than its statements,',
      'Set transaction_persistent=1 for them on every instance.',
    ),
    ...finding(
      'PROXY_FAST_FORWARD',
      users.filter(({ fastForward }) => fastForward === 1),
      'fast_forward is 1, so their queries pass every rule and no hold stops them,',
      'Set fast_forward=0 for them on every instance.',
    ),
  ];
}
