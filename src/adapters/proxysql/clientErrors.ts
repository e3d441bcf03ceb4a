import { z } from 'zod';
import type { ClientErrors } from '../../ports/routing.ts';
import type { AdminSession } from './admin.ts';
import { matchOf, type RoutingConfig } from './config.ts';

const errorsRow = z.object({ name: z.string(), errors: z.coerce.number() });

/**
 * What the servers answered with an error, by user or schema, whatever the hostgroup. One small table: the digests,
 * which tell as much of the statements that went well, cost a proxy far more to show.
 */
export async function clientErrors(
  admin: AdminSession,
  routing: RoutingConfig,
  signal?: AbortSignal,
): Promise<ClientErrors | null> {
  if (routing.by === 'comment') return null;
  const column = routing.by === 'user' ? 'username' : 'schemaname';
  const rows = await admin.rows(
    `SELECT ${column} AS name, SUM(count_star) AS errors FROM stats_mysql_errors GROUP BY ${column}`,
    signal,
  );
  const counts = new Map(rows.map((row) => errorsRow.parse(row)).map(({ name, errors }) => [name, errors]));
  return (orgId) => {
    const { username, schemaname } = matchOf(routing, orgId);
    return counts.get(username ?? schemaname ?? '') ?? 0;
  };
}
