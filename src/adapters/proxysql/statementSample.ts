import { z } from 'zod';
import type { SeenStatement } from '../../ports/routing.ts';
import type { AdminSession } from './admin.ts';
import { annotationPattern, type RoutingConfig } from './config.ts';
import { withoutValues } from './sessions.ts';

const statementRow = z.object({ user: z.string().nullable(), statement: z.string() });
const transactionsRow = z.object({ user: z.string(), begun: z.coerce.number() });

/**
 * One look at what clients run and have prepared, where orgs are told apart by a comment; null elsewhere. The process
 * list and the prepared statements show statements whole. The digests do not: comments are cut from them (measured on
 * 2.7.1), so that of a BEGIN, too short to be met running, they tell only that there was one.
 */
export async function lookAtStatements(
  admin: AdminSession,
  routing: RoutingConfig,
  signal?: AbortSignal,
): Promise<readonly SeenStatement[] | null> {
  if (routing.by !== 'comment') return null;
  const users = usersOfBigDb(routing);
  const running = await admin.rows(
    `SELECT user, info AS statement FROM stats_mysql_processlist WHERE info <> '' AND user IN (${users})`,
    signal,
  );
  const prepared = await admin.rows(
    `SELECT username AS user, query AS statement FROM stats_mysql_prepared_statements_info
      WHERE ref_count_client > 0 AND username IN (${users})`,
    signal,
  );
  const annotation = annotationPattern(routing);
  const seen = (row: unknown): SeenStatement => {
    const { user, statement } = statementRow.parse(row);
    return { user: user ?? '', statement: withoutValues(statement), annotated: annotation.test(statement) };
  };
  return [...running, ...prepared].map(seen);
}

/** Transactions that each user of BigDB has begun by a statement since the proxy counts. */
export async function transactionsBegun(
  admin: AdminSession,
  routing: RoutingConfig,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, number>> {
  const rows = await admin.rows(
    `SELECT username AS user, SUM(count_star) AS begun FROM stats_mysql_query_digest
      WHERE (digest_text LIKE 'BEGIN%' OR digest_text LIKE 'START TRANSACTION%') AND username IN (${usersOfBigDb(routing)})
      GROUP BY username`,
    signal,
  );
  return new Map(rows.map((row) => transactionsRow.parse(row)).map(({ user, begun }) => [user, begun]));
}

/** Whoever goes to the source without a rule. */
export function usersOfBigDb({ source: { writerHostgroup, readerHostgroup } }: RoutingConfig): string {
  const hostgroups = [writerHostgroup, ...(readerHostgroup === undefined ? [] : [readerHostgroup])].join(', ');
  return `SELECT username FROM runtime_mysql_users WHERE default_hostgroup IN (${hostgroups})`;
}
