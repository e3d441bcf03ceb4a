import { z } from 'zod';
import { schemasOf } from '../../../catalogue/catalogue.ts';
import type { Finding } from '../../../ports/finding.ts';
import { literal } from '../admin.ts';
import { namePattern } from '../config.ts';
import type { ProxyFindingsInput } from './input.ts';

const row = z.object({ user: z.string(), schema: z.string() });
/** What ProxySQL shows for a connection without a default schema. */
const noSchema = 'information_schema';

/**
 * Every (user, schema) that the org was seen with since the proxy counts. Told apart by user, all of the user's queries
 * follow the org, those on schemas that the cluster has not as well; by schema, what its users send from another one stays.
 * A comment is in no statistics.
 */
export async function schemaFindings(input: ProxyFindingsInput): Promise<Finding[]> {
  const { proxy, admin, routing, match, catalogue, signal } = input;
  if (routing.by === 'comment') return [];
  const users =
    match.username !== null
      ? literal(match.username)
      : `SELECT username FROM stats_mysql_query_digest WHERE schemaname = ${literal(match.schemaname)}`;
  const rows = await admin.rows(
    `SELECT DISTINCT username AS user, schemaname AS schema FROM stats_mysql_query_digest WHERE username IN (${users})`,
    signal,
  );
  const others = rows.map((each) => row.parse(each)).filter(({ schema }) => !expected(schema));
  if (others.length === 0) return [];
  const shown = others.map(({ user, schema }) => `${user} in ${schema}`);
  return [
    {
      code: 'ORG_USES_OTHER_SCHEMA',
      severity: 'warn',
      message:
        match.username === null
          ? `proxy ${proxy}: users of the org’s schema also send statements from others, which stay where they are: ${shown.join(', ')}`
          : `proxy ${proxy}: the org’s user also sends statements from schemas that are not in the catalogue, and follow it: ${shown.join(', ')}`,
      remedy: 'See that they touch no org-owned table past the org’s schema, and nothing that the cluster has not.',
      evidence: { proxy, seen: others },
    },
  ];

  function expected(schema: string): boolean {
    if (match.username !== null) return schema === noSchema || schemasOf(catalogue).includes(schema);
    // Users that many orgs share are in their schemas as well.
    return schema === match.schemaname || namePattern(routing).test(schema);
  }
}
