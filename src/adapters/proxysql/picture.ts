import { z } from 'zod';
import type { ProxyFacts } from '../../ports/fleet.ts';
import type { ProxyPicture, ProxyRow, Route, RouteState } from '../../ports/routing.ts';
import { type AdminSession, literal } from './admin.ts';
import type { RoutingConfig } from './config.ts';
import { parseComment, saysShared, sharingOf } from './rules.ts';
import { isOwnFast } from './sharedRoutes.ts';

/** Columns of a rule of ours; all others keep their defaults. */
const ownColumns =
  'rule_id, active, username, schemaname, match_digest, match_pattern, destination_hostgroup, apply, comment';
/** Columns of a row of fast routing. */
const fastColumns = 'username, schemaname, flagIN, destination_hostgroup, comment';
/** What of others' rules decides where a query goes; every version of ProxySQL has these columns. */
const foreignColumns =
  'rule_id, username, schemaname, flagIN, client_addr, proxy_addr, proxy_port, digest, match_digest, match_pattern, negate_match_pattern, re_modifiers, flagOUT, replace_pattern, destination_hostgroup, cache_ttl, apply';
/** Rules that one statement writes: both of an org always stand in the same one. */
const rulesAtOnce = 400;

const variableRow = z.object({ variable_name: z.string(), variable_value: z.string().nullable() });
const userRow = z.object({
  username: z.string(),
  default_hostgroup: z.coerce.number(),
  transaction_persistent: z.coerce.number(),
});
const serverRow = z.object({ hostgroup_id: z.coerce.number(), hostname: z.string(), port: z.coerce.number() });
const hostgroupRow = z.object({ hostgroup_id: z.coerce.number() });

const isOwn = ({ ruleIds, sentinelRuleId }: RoutingConfig) =>
  `(rule_id BETWEEN ${ruleIds.from} AND ${ruleIds.to} OR rule_id = ${sentinelRuleId})`;

/** Version, ports and the monitor's pace. */
export async function readFacts(admin: AdminSession, signal?: AbortSignal): Promise<ProxyFacts> {
  const rows = await admin.rows(
    `SELECT variable_name, variable_value FROM runtime_global_variables WHERE variable_name IN
       ('admin-version', 'mysql-interfaces', 'mysql-monitor_enabled', 'mysql-monitor_ping_interval')`,
    signal,
  );
  const variables = new Map(
    rows.map((row) => variableRow.parse(row)).map((row) => [row.variable_name, row.variable_value ?? '']),
  );
  const trafficPorts = (variables.get('mysql-interfaces') ?? '')
    .split(';')
    .map((address) => Number(/:(\d+)$/.exec(address.trim())?.[1] ?? 0))
    .filter((port) => port > 0);
  const everyMs = Number(variables.get('mysql-monitor_ping_interval') ?? 0);
  const watches = variables.get('mysql-monitor_enabled') === 'true' && everyMs > 0;
  return { version: variables.get('admin-version') ?? '', trafficPorts, monitorEveryMs: watches ? everyMs : null };
}

/** Everything that adding a proxy compares, read table by table. */
export async function readPicture(
  admin: AdminSession,
  routing: RoutingConfig,
  signal?: AbortSignal,
): Promise<ProxyPicture> {
  const own = isOwn(routing);
  const { from, to } = routing.holdHostgroups;
  const named = [routing.source, ...Object.values(routing.clusters)]
    .flatMap(({ writerHostgroup, readerHostgroup }) => [writerHostgroup, readerHostgroup])
    .filter((hostgroup) => hostgroup !== undefined);
  const rules = await admin.rows(`SELECT ${ownColumns} FROM mysql_query_rules WHERE ${own} ORDER BY rule_id`, signal);
  // The runtime shows active rules only.
  const published = await admin.rows(
    `SELECT ${ownColumns} FROM runtime_mysql_query_rules WHERE ${own} AND active = 1 ORDER BY rule_id`,
    signal,
  );
  const fast = (table: string) =>
    admin.rows(`SELECT ${fastColumns} FROM ${table} WHERE ${isOwnFast} ORDER BY username, schemaname, flagIN`, signal);
  const inMemory = await fast('mysql_query_rules_fast_routing');
  const running = await fast('runtime_mysql_query_rules_fast_routing');
  const foreign = await admin.rows(
    `SELECT ${foreignColumns} FROM runtime_mysql_query_rules WHERE active = 1 AND NOT ${own} ORDER BY rule_id`,
    signal,
  );
  const users = await admin.rows(
    'SELECT username, default_hostgroup, transaction_persistent FROM runtime_mysql_users WHERE active = 1 AND frontend = 1',
    signal,
  );
  const servers = await admin.rows(
    `SELECT hostgroup_id, hostname, port FROM runtime_mysql_servers
      WHERE hostgroup_id IN (${named.join(', ')}) AND status IN ('ONLINE', 'SHUNNED') ORDER BY hostgroup_id, hostname, port`,
    signal,
  );
  const holds = await admin.rows(
    `SELECT DISTINCT hostgroup_id FROM mysql_servers WHERE hostgroup_id BETWEEN ${from} AND ${to}`,
    signal,
  );
  const byHostgroup = Map.groupBy(
    servers.map((row) => serverRow.parse(row)),
    (server) => server.hostgroup_id,
  );
  return {
    rules,
    published,
    fast: inMemory,
    fastPublished: running,
    routes: routesOf(rules),
    foreign,
    users: new Map(
      users
        .map((row) => userRow.parse(row))
        .map((user) => [
          user.username,
          { defaultHostgroup: user.default_hostgroup, transactionPersistent: user.transaction_persistent === 1 },
        ]),
    ),
    servers: new Map(
      [...byHostgroup].map(([hostgroup, found]) => [
        hostgroup,
        found.map(({ hostname, port }) => `${hostname}:${port}`),
      ]),
    ),
    holds: holds.map((row) => hostgroupRow.parse(row).hostgroup_id),
  };
}

const fastValues = (row: ProxyRow) => fastColumns.split(', ').map((column) => row[column] ?? null);

export function routesOf(rules: readonly ProxyRow[]): ReadonlyMap<number, RouteState> {
  const routes = new Map<number, RouteState>();
  for (const { comment = null } of rules) {
    const org = /^bigdb-cutover org=(\d+) /.exec(comment ?? '')?.[1];
    if (org !== undefined) routes.set(Number(org), parseComment(comment));
  }
  return routes;
}

/**
 * Makes our range exactly these rules, each on condition of the comment that it had: what is sent late, after somebody
 * else has made the proxy a member and an org has moved, changes nothing.
 */
export async function adoptRules(
  admin: AdminSession,
  routing: RoutingConfig,
  change: {
    readonly like: Pick<ProxyPicture, 'rules' | 'fast'>;
    readonly before: Pick<ProxyPicture, 'rules' | 'fast'>;
  },
  signal?: AbortSignal,
): Promise<void> {
  const { rules } = change.like;
  const before = change.before.rules;
  const columns = ownColumns.split(', ');
  const idOf = ({ rule_id }: ProxyRow) => rule_id ?? '';
  const had = new Map(before.map((rule) => [idOf(rule), rule.comment ?? null]));
  const kept = new Set(rules.map(idOf));
  await inParts(
    rules.map((rule) => [...columns.map((column) => rule[column] ?? null), had.get(idOf(rule)) ?? null]),
    (values) => `INSERT OR REPLACE INTO mysql_query_rules (${ownColumns})
       SELECT ${columns.map((_, index) => `column${index + 1}`).join(', ')} FROM (VALUES ${values})
        WHERE column${columns.length + 1} IS (SELECT comment FROM mysql_query_rules WHERE rule_id = CAST(column1 AS INT))`,
  );
  await inParts(
    [...had].filter(([id]) => !kept.has(id)),
    (values) => `DELETE FROM mysql_query_rules WHERE ${isOwn(routing)} AND EXISTS (SELECT 1 FROM (VALUES ${values})
        WHERE CAST(column1 AS INT) = rule_id AND column2 IS comment)`,
  );
  const keyOf = ({ username, schemaname, flagIN }: ProxyRow) => [username, schemaname, flagIN].join('\0');
  const wanted = new Set(change.like.fast.map(keyOf));
  await inParts(
    change.before.fast.filter((row) => !wanted.has(keyOf(row))).map((row) => fastValues(row)),
    (
      values,
    ) => `DELETE FROM mysql_query_rules_fast_routing WHERE ${isOwnFast} AND EXISTS (SELECT 1 FROM (VALUES ${values})
        WHERE column1 = username AND column2 = schemaname AND CAST(column3 AS INT) = flagIN AND column5 = comment)
        AND NOT EXISTS (SELECT 1 FROM mysql_query_rules AS own WHERE ${saysShared('own.comment')}
          AND instr(own.comment, substr(mysql_query_rules_fast_routing.comment, 1,
                instr(mysql_query_rules_fast_routing.comment, ' home='))) = 1)`,
  );
  // Only for orgs whose rules are the members' now: late, they say something else.
  const comments = new Map(
    rules.flatMap(({ comment = null }): [string, string][] => {
      const org = /^bigdb-cutover org=\d+ /.exec(comment ?? '')?.[0];
      return org === undefined || sharingOf(comment) === 'own' ? [] : [[org, comment ?? '']];
    }),
  );
  await inParts(
    change.like.fast.map((row) => [
      ...fastValues(row),
      comments.get(/^bigdb-cutover org=\d+ /.exec(row.comment ?? '')?.[0] ?? '') ?? null,
    ]),
    (values) => `INSERT OR REPLACE INTO mysql_query_rules_fast_routing (${fastColumns})
       SELECT column1, column2, CAST(column3 AS INT), CAST(column4 AS INT), column5 FROM (VALUES ${values})
        WHERE column6 IN (SELECT comment FROM mysql_query_rules WHERE ${isOwn(routing)})`,
  );
  await admin.write('SAVE MYSQL QUERY RULES TO DISK', signal);
  await admin.write('LOAD MYSQL QUERY RULES TO RUNTIME', signal);

  async function inParts(rows: readonly (readonly (string | null)[])[], statement: (values: string) => string) {
    for (let at = 0; at < rows.length; at += rulesAtOnce) {
      const part = rows.slice(at, at + rulesAtOnce).map((row) => `(${row.map(literal).join(', ')})`);
      await admin.write(statement(part.join(', ')), signal);
    }
  }
}

/** Orgs whose active rules lead to a hold. */
export async function readHeld(
  admin: AdminSession,
  { ruleIds }: RoutingConfig,
  signal?: AbortSignal,
): Promise<readonly number[]> {
  const rows = await admin.rows(
    `SELECT DISTINCT comment FROM mysql_query_rules
      WHERE rule_id BETWEEN ${ruleIds.from} AND ${ruleIds.to} AND active = 1 AND comment LIKE '% hold=%'`,
    signal,
  );
  return [...routesOf(rows).keys()];
}

/** Where each org is sent, by the rules in memory; one whose rules are at rest goes where others' rules send it. */
export async function readRoutes(
  admin: AdminSession,
  { ruleIds }: RoutingConfig,
  signal?: AbortSignal,
): Promise<ReadonlyMap<number, Route['kind']>> {
  const rows = await admin.rows(
    `SELECT DISTINCT comment FROM mysql_query_rules WHERE rule_id BETWEEN ${ruleIds.from} AND ${ruleIds.to}`,
    signal,
  );
  const routes = [...routesOf(rows)].flatMap(([orgId, { route }]): [number, Route['kind']][] =>
    route === null ? [] : [[orgId, route.kind]],
  );
  return new Map(routes);
}
