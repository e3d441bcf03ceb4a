import { z } from 'zod';
import type { PublishedRoute } from '../../ports/routing.ts';
import type { AdminSession } from './admin.ts';
import { alternationHas } from './alternation.ts';
import type { RoutingConfig } from './config.ts';
import { parseComment, slotOf } from './rules.ts';

const layerRow = z.object({
  layer: z.enum(['memory', 'runtime', 'disk', 'shared']),
  rule_id: z.coerce.number().int(),
  comment: z.string(),
});

/** What a proxy has of an org in its three layers, found by the comment that every rule of ours carries. */
export async function publishedRoute(
  admin: AdminSession,
  routing: RoutingConfig,
  orgId: number,
  signal?: AbortSignal,
): Promise<PublishedRoute> {
  const { from, to } = routing.ruleIds;
  const layer = (name: string, table: string, active: string) =>
    `SELECT '${name}' AS layer, MIN(rule_id) AS rule_id, comment FROM ${table}
      WHERE rule_id BETWEEN ${from} AND ${to} AND comment LIKE 'bigdb-cutover org=${orgId} %'${active} GROUP BY comment`;
  const rows = await admin.rows(
    [
      layer('memory', 'mysql_query_rules', ''),
      layer('runtime', 'runtime_mysql_query_rules', ' AND active = 1'),
      layer('disk', 'disk.mysql_query_rules', ''),
      // Behind its own rules, what it shares with others.
      `SELECT 'shared', MIN(rule_id), comment FROM runtime_mysql_query_rules
        WHERE rule_id BETWEEN ${from} AND ${to} AND active = 1 AND ${alternationHas(orgId)} GROUP BY comment`,
      `SELECT 'shared', 0, comment FROM runtime_mysql_query_rules_fast_routing
        WHERE comment LIKE 'bigdb-cutover org=${orgId} home=%' GROUP BY comment`,
    ].join(' UNION ALL '),
    signal,
  );
  const found = rows.map((row) => layerRow.parse(row));
  // Several comments in one layer are told as they are: no single route can be read from them.
  const commentIn = (name: 'memory' | 'runtime' | 'disk') =>
    found
      .filter(({ layer }) => layer === name)
      .map(({ comment }) => comment)
      .join(' | ') || null;
  const own = found.filter(({ layer }) => layer !== 'shared');
  const lowest = Math.min(...own.map(({ rule_id }) => rule_id));
  const runtime = parseComment(commentIn('runtime')).route;
  return {
    memory: parseComment(commentIn('memory')),
    runtime: runtime ?? (found.length > own.length ? { kind: 'cluster' } : null),
    disk: commentIn('disk'),
    slot: own.length === 0 ? null : slotOf(routing, lowest),
  };
}
