import { z } from 'zod';
import { REFUSAL_PREFIX } from '../../fence/schema.ts';
import type { RouteOwner } from '../../ports/routing.ts';
import {
  type BackendPool,
  type CommandTimes,
  commandBoundsUs,
  type OrgStatements,
  type ProxyTraffic,
  type RefusedWrites,
  type TrafficSide,
} from '../../ports/traffic.ts';
import { type AdminSession, literal } from './admin.ts';
import { matchOf, type RoutingConfig } from './config.ts';

/** What SIGNAL answers with. */
const signalled = 1644;
/** What MariaDB answers with where it could not read a trigger. */
const parseError = 1064;
/** Statement forms read of one proxy at once; of more, the most frequent. */
const formsAtMost = 5_000;

const figure = z.coerce.number();
const poolRow = z.object({ hostgroup: figure, used: figure, free: figure, errors: figure, queries: figure });
const limitRow = z.object({ hostgroup: figure, most: figure });
const refusedRow = z.object({ user: z.string(), hostgroup: figure, count: figure });
const statementsRow = z.object({
  name: z.string(),
  hostgroup: figure,
  digest: z.string(),
  count: figure,
  sum_us: figure,
  longest_us: figure,
});
/** In the order of `commandBoundsUs`; the last one is for what took longer. */
const bracketColumns = [
  'cnt_100us',
  'cnt_500us',
  'cnt_1ms',
  'cnt_5ms',
  'cnt_10ms',
  'cnt_50ms',
  'cnt_100ms',
  'cnt_500ms',
  'cnt_1s',
  'cnt_5s',
  'cnt_10s',
  'cnt_INFs',
] as const;
const commandRow = z.looseObject({ Command: z.string(), Total_Time_us: figure });

/** Pools of connections and times of commands: two small tables and the servers' limits. */
export async function readTraffic(
  admin: AdminSession,
  routing: RoutingConfig,
  signal?: AbortSignal,
): Promise<ProxyTraffic> {
  const pools = await admin.rows(
    `SELECT hostgroup, SUM(ConnUsed) AS used, SUM(ConnFree) AS free, SUM(ConnERR) AS errors, SUM(Queries) AS queries
       FROM stats_mysql_connection_pool GROUP BY hostgroup`,
    signal,
  );
  const limits = await admin.rows(
    `SELECT hostgroup_id AS hostgroup, SUM(max_connections) AS most FROM runtime_mysql_servers GROUP BY hostgroup_id`,
    signal,
  );
  const commands = await admin.rows('SELECT * FROM stats_mysql_commands_counters WHERE Total_cnt > 0', signal);
  // One row holds all errors of a number; its last text tells the fence's from other triggers'.
  const refused = async (errno: number, like: string) => {
    const rows = await admin.rows(
      `SELECT username AS user, hostgroup, SUM(count_star) AS count FROM stats_mysql_errors
        WHERE errno = ${errno} AND last_error LIKE ${literal(like)} GROUP BY username, hostgroup`,
      signal,
    );
    return refusedBySide(
      routing,
      rows.map((row) => refusedRow.parse(row)),
    );
  };
  const refusals = await refused(signalled, `${REFUSAL_PREFIX}%`);
  const triggerErrors = await refused(parseError, '%rigger%has an error in its body%');
  const most = new Map(limits.map((row) => limitRow.parse(row)).map((row) => [row.hostgroup, row.most]));
  return {
    pools: bySide(
      routing,
      pools.map((row) => poolRow.parse(row)).map((row) => ({ ...row, limit: most.get(row.hostgroup) ?? 0 })),
    ),
    commands: commands.map(commandTimes),
    refusals,
    triggerErrors,
  };
}

function commandTimes(raw: unknown): CommandTimes {
  const row = commandRow.parse(raw);
  const counts = bracketColumns.map((column) => figure.parse(row[column]));
  if (counts.length !== commandBoundsUs.length + 1) throw new RangeError('a bracket has no bound');
  return { command: row.Command, sumUs: row.Total_Time_us, counts };
}

function refusedBySide(routing: RoutingConfig, rows: readonly z.infer<typeof refusedRow>[]): RefusedWrites[] {
  const sums = new Map<string, RefusedWrites>();
  for (const { user, hostgroup, count } of rows) {
    const side = sideOf(routing, hostgroup);
    if (side === null) continue;
    const key = `${user} ${side.side} ${side.homeRegion}`;
    sums.set(key, { ...side, user, count: count + (sums.get(key)?.count ?? 0) });
  }
  return [...sums.values()];
}

/** A reader hostgroup counts with its writer's side, and all holds are one. */
function bySide(
  routing: RoutingConfig,
  rows: readonly (Omit<BackendPool, keyof TrafficSide> & { readonly hostgroup: number })[],
): BackendPool[] {
  const sums = new Map<string, BackendPool>();
  for (const { hostgroup, used, free, limit, errors, queries } of rows) {
    const side = sideOf(routing, hostgroup);
    if (side === null) continue;
    const key = `${side.side} ${side.homeRegion}`;
    const sum = sums.get(key) ?? { ...side, used: 0, free: 0, limit: 0, errors: 0, queries: 0 };
    sums.set(key, {
      ...side,
      used: sum.used + used,
      free: sum.free + free,
      limit: sum.limit + limit,
      errors: sum.errors + errors,
      queries: sum.queries + queries,
    });
  }
  return [...sums.values()];
}

/**
 * What the given orgs have sent, by form and side. Where a comment tells orgs apart nothing of it is in a proxy's
 * statistics. To answer, the proxy makes rows of all its digests first: ask rarely, and never while an org is held.
 */
export async function readOrgStatements(
  admin: AdminSession,
  routing: RoutingConfig,
  orgs: readonly Pick<RouteOwner, 'orgId'>[],
  signal?: AbortSignal,
): Promise<readonly OrgStatements[]> {
  if (routing.by === 'comment' || orgs.length === 0) return [];
  const column = routing.by === 'user' ? 'username' : 'schemaname';
  const names = new Map(
    orgs.map(({ orgId }) => {
      const { username, schemaname } = matchOf(routing, orgId);
      return [username ?? schemaname ?? '', orgId];
    }),
  );
  const rows = await admin.rows(
    `SELECT ${column} AS name, hostgroup, digest, SUM(count_star) AS count, SUM(sum_time) AS sum_us, MAX(max_time) AS longest_us
       FROM stats_mysql_query_digest WHERE ${column} IN (${[...names.keys()].map(literal).join(', ')})
      GROUP BY ${column}, hostgroup, digest ORDER BY count DESC LIMIT ${formsAtMost}`,
    signal,
  );
  return rows.flatMap((raw) => {
    const row = statementsRow.parse(raw);
    const orgId = names.get(row.name);
    const side = sideOf(routing, row.hostgroup);
    if (orgId === undefined || side === null) return [];
    return [{ ...side, orgId, digest: row.digest, count: row.count, sumUs: row.sum_us, longestUs: row.longest_us }];
  });
}

/** Where a hostgroup leads; null for one that is nobody's here. */
function sideOf({ source, clusters, holdHostgroups }: RoutingConfig, hostgroup: number): TrafficSide | null {
  const is = ({ writerHostgroup, readerHostgroup }: RoutingConfig['source']) =>
    hostgroup === writerHostgroup || hostgroup === readerHostgroup;
  if (is(source)) return { side: 'source', homeRegion: null };
  if (hostgroup >= holdHostgroups.from && hostgroup <= holdHostgroups.to) return { side: 'held', homeRegion: null };
  const cluster = Object.entries(clusters).find(([, groups]) => is(groups));
  return cluster === undefined ? null : { side: 'cluster', homeRegion: cluster[0] };
}
