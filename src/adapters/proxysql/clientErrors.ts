import { z } from 'zod';
import type { ClientErrors } from '../../ports/routing.ts';
import type { AdminSession } from './admin.ts';
import { hostgroupsOf, matchOf, type RoutingConfig } from './config.ts';

const errorsRow = z.object({ name: z.string(), errors: z.coerce.number() });

/**
 * What the servers answered with an error. By user or schema an org's own, whatever the hostgroup. A comment is in no
 * statistics of ProxySQL 2.7: there it is what the hostgroups of the org's cluster answered, all its orgs together. One
 * small table: the digests, which tell as much of the statements that went well, cost a proxy far more to show.
 */
export async function clientErrors(
  admin: AdminSession,
  routing: RoutingConfig,
  signal?: AbortSignal,
): Promise<ClientErrors> {
  const column = { user: 'username', schema: 'schemaname', comment: 'hostgroup' }[routing.by];
  const rows = await admin.rows(
    `SELECT ${column} AS name, SUM(count_star) AS errors FROM stats_mysql_errors GROUP BY ${column}`,
    signal,
  );
  const counts = new Map(rows.map((row) => errorsRow.parse(row)).map(({ name, errors }) => [name, errors]));
  const sum = (names: readonly (string | number | null | undefined)[]) =>
    names.reduce((total: number, name) => total + (counts.get(String(name)) ?? 0), 0);
  return ({ orgId, homeRegion }) => {
    if (routing.by === 'comment') {
      const { writerHostgroup, readerHostgroup } = hostgroupsOf(routing, 'cluster', homeRegion);
      return sum([writerHostgroup, readerHostgroup]);
    }
    const { username, schemaname } = matchOf(routing, orgId);
    return sum([username ?? schemaname]);
  };
}
