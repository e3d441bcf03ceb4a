import { z } from 'zod';
import type { TableName } from '../../catalogue/catalogue.ts';
import type { RouteOwner, SentStatement, StrayStatements } from '../../ports/routing.ts';
import { type AdminSession, literal } from './admin.ts';
import { matchOf, type RoutingConfig } from './config.ts';
import { withoutValues } from './sessions.ts';
import { usersOfBigDb } from './statementSample.ts';

/** Forms read of one proxy at once; of more, the most frequent. */
const formsAtMost = 1_000;

const statementRow = z.object({
  user: z.string(),
  schema: z.string(),
  digest: z.string(),
  statement: z.string(),
  count: z.coerce.number(),
});
const digestRow = statementRow.transform((row) => ({ ...row, shown: row.statement, exact: false }));
const preparedRow = statementRow.transform((row) => ({ ...row, shown: withoutValues(row.statement), exact: true }));

/** What was sent on the tables by whoever is not told to be one org, by what the statistics have of it. */
export async function strayStatements(
  admin: AdminSession,
  routing: RoutingConfig,
  tables: readonly TableName[],
  signal?: AbortSignal,
): Promise<StrayStatements> {
  const statements = await digests(admin, `${goesToASide(routing)} AND (${named(tables)})${isNoOrg(routing)}`, signal);
  return { statements, perhapsAnnotated: routing.by === 'comment' };
}

/** The org's own, in digests and as they are prepared. Where only a comment tells it, everybody's on the tables. */
export async function statementsOf(
  admin: AdminSession,
  routing: RoutingConfig,
  { orgId }: Pick<RouteOwner, 'orgId'>,
  tables: readonly TableName[],
  signal?: AbortSignal,
): Promise<readonly SentStatement[]> {
  const { username, schemaname } = matchOf(routing, orgId);
  const own =
    username !== null
      ? `username = ${literal(username)}`
      : schemaname !== null
        ? `schemaname = ${literal(schemaname)}`
        : `username IN (${usersOfBigDb(routing)})`;
  const onTables = (column: string) =>
    username === null && schemaname === null ? ` AND (${named(tables, column)})` : '';
  const sent = await digests(admin, `${own}${onTables('digest_text')}`, signal);
  const prepared = await admin.rows(
    `SELECT username AS user, schemaname AS schema, digest, query AS statement, MAX(ref_count_client) AS count
       FROM stats_mysql_prepared_statements_info WHERE ${own}${onTables('query')}
      GROUP BY username, schemaname, query ORDER BY count DESC LIMIT ${formsAtMost}`,
    signal,
  );
  return [...prepared.map((row) => preparedRow.parse(row)), ...sent];
}

async function digests(admin: AdminSession, where: string, signal?: AbortSignal): Promise<readonly SentStatement[]> {
  const rows = await admin.rows(
    `SELECT username AS user, schemaname AS schema, digest, digest_text AS statement, SUM(count_star) AS count
       FROM stats_mysql_query_digest WHERE ${where}
      GROUP BY username, schemaname, digest ORDER BY count DESC LIMIT ${formsAtMost}`,
    signal,
  );
  return rows.map((row) => digestRow.parse(row));
}

/** A rough look that leaves out most of what names none of them; `_` stands for itself as well. */
const named = (tables: readonly TableName[], column = 'digest_text'): string =>
  ['0', ...tables.map(({ table }) => `${column} LIKE ${literal(`%${table}%`)}`)].join(' OR ');

/** Other databases behind the same proxy may have tables of these names. */
function goesToASide({ source, clusters }: RoutingConfig): string {
  const numbers = [source, ...Object.values(clusters)].flatMap(({ writerHostgroup, readerHostgroup }) =>
    readerHostgroup === undefined ? [writerHostgroup] : [writerHostgroup, readerHostgroup],
  );
  return `hostgroup IN (${numbers.join(', ')})`;
}

/** Leaves out the users, or schemas, that are an org's: between the fixed parts of their names stand digits only. */
function isNoOrg({ by, template }: RoutingConfig): string {
  if (by === 'comment') return '';
  const column = by === 'user' ? 'username' : 'schemaname';
  const [before = '', after = ''] = template.split('{orgId}');
  const number = `substr(${column}, ${before.length + 1}, length(${column}) - ${before.length + after.length})`;
  const isOrg = `${column} = ${literal(before)} || ${number} || ${literal(after)} AND ${number} <> '' AND ${number} NOT GLOB '*[^0-9]*'`;
  return ` AND NOT (${isOrg})`;
}
