import { z } from 'zod';
import { ProxyDirtyError, RouteConflictError, RouteReadBackError } from '../../errors/routing.ts';
import { failpoint } from '../../failpoints/failpoints.ts';
import type { FleetProxy, RouteOwner, RouteState } from '../../ports/routing.ts';
import { type AdminRow, type AdminSession, literal, openAdmin } from './admin.ts';
import { clientErrors } from './clientErrors.ts';
import { hostgroupsOf, type ProxyConfig, type RoutingConfig } from './config.ts';
import { proxyFindings } from './findings/index.ts';
import { inspectProxy } from './inspect.ts';
import { adoptRules, readFacts, readHeld, readPicture, readRoutes } from './picture.ts';
import { publishedRoute } from './publishedRoute.ts';
import { commentFor, parseComment, type Rule, type RulePair, ruleIdsOf, rulesFor } from './rules.ts';
import { findBlocking, parseSession, processListQuery, usesHostgroup } from './sessions.ts';
import { lookAtStatements, transactionsBegun } from './statementSample.ts';
import { readOrgStatements, readTraffic } from './traffic.ts';

/** Columns of a rule as they are written and read back, in one order. */
const ruleColumns =
  'rule_id, active, username, schemaname, match_digest, match_pattern, destination_hostgroup, apply, comment';

function ruleValues(rule: Rule, comment: string): string {
  return [
    literal(rule.ruleId),
    rule.active,
    literal(rule.username),
    literal(rule.schemaname),
    literal(rule.matchDigest),
    literal(rule.matchPattern),
    rule.destinationHostgroup,
    1,
    literal(comment),
  ].join(', ');
}

const readBackSchema = z.object({
  rule_id: z.coerce.number(),
  active: z.coerce.number(),
  username: z.string().nullable(),
  schemaname: z.string().nullable(),
  match_digest: z.string().nullable(),
  match_pattern: z.string().nullable(),
  destination_hostgroup: z.coerce.number().nullable(),
  apply: z.coerce.number(),
  comment: z.string().nullable(),
});
const addressRow = z.object({ host: z.string(), port: z.coerce.number() });
type ReadBack = z.infer<typeof readBackSchema>;

/** `CASE rule_id WHEN … THEN … END` for the column of both rules. */
function either(pair: RulePair, value: (rule: Rule) => string | number | null): string {
  return `CASE rule_id WHEN ${pair.read.ruleId} THEN ${literal(value(pair.read))} ELSE ${literal(value(pair.write))} END`;
}

/** One ProxySQL instance through its admin interface. */
export function createProxy(
  config: ProxyConfig,
  routing: RoutingConfig,
  admin: AdminSession = openAdmin(config),
): FleetProxy {
  const whereRules = (slot: number) => {
    const ids = ruleIdsOf(routing, slot);
    return `rule_id IN (${ids.read}, ${ids.write})`;
  };

  const readRoute = async (owner: Pick<RouteOwner, 'orgId' | 'slot'>, signal?: AbortSignal): Promise<RouteState> => {
    const rows = await admin.rows(
      `SELECT DISTINCT comment FROM mysql_query_rules WHERE ${whereRules(owner.slot)}`,
      signal,
    );
    if (rows.length > 1) {
      const found = rows.map(({ comment }) => comment).join(' | ');
      throw new RouteConflictError(config.name, owner.orgId, 'one comment on both rules', found);
    }
    return parseComment(rows[0]?.comment ?? null);
  };

  const publishRules = async (signal?: AbortSignal, saved: () => Promise<void> = async () => {}) => {
    // Disk before runtime: a restart in between comes back with what is about to be published, never with less.
    await admin.write('SAVE MYSQL QUERY RULES TO DISK', signal);
    await saved();
    await admin.write('LOAD MYSQL QUERY RULES TO RUNTIME', signal);
  };

  const assertRuntime = async (owner: RouteOwner, pair: RulePair, comment: string, signal?: AbortSignal) => {
    const rows = await admin.rows(
      `SELECT ${ruleColumns} FROM runtime_mysql_query_rules
        WHERE ${whereRules(owner.slot)} ORDER BY rule_id`,
      signal,
    );
    const found = rows.map((row) => readBackSchema.parse(row));
    // The runtime has active rules only.
    const wanted = [pair.read, pair.write].filter(({ active }) => active === 1);
    const same = (rule: Rule, row: ReadBack | undefined) =>
      row !== undefined &&
      row.rule_id === rule.ruleId &&
      row.destination_hostgroup === rule.destinationHostgroup &&
      row.username === rule.username &&
      row.schemaname === rule.schemaname &&
      row.match_digest === rule.matchDigest &&
      row.match_pattern === rule.matchPattern &&
      row.apply === 1 &&
      row.comment === comment;
    const shown = found.filter(({ active }) => active === 1);
    if (shown.length !== wanted.length || !wanted.every((rule, index) => same(rule, shown[index]))) {
      throw new RouteReadBackError(config.name, owner.orgId, { comment, rules: wanted }, found);
    }
  };

  return {
    name: config.name,
    ping: async (signal) => void (await admin.rows('SELECT 1', signal)),
    inspect: (signal) => inspectProxy(admin, routing, signal),
    findings: (org, catalogue, signal) => proxyFindings({ proxy: config.name, admin, routing, org, catalogue, signal }),

    async prepare(owner, signal) {
      const fresh = commentFor(owner, 'prepare', { kind: 'source' });
      const pair = rulesFor(routing, owner, { kind: 'source' });
      // One statement, so that the table can be published at any moment.
      await admin.write(
        `INSERT INTO mysql_query_rules (${ruleColumns})
         SELECT ${ruleValues(pair.read, fresh)} WHERE NOT EXISTS (SELECT 1 FROM mysql_query_rules WHERE ${whereRules(owner.slot)})
         UNION ALL
         SELECT ${ruleValues(pair.write, fresh)} WHERE NOT EXISTS (SELECT 1 FROM mysql_query_rules WHERE ${whereRules(owner.slot)})`,
        signal,
      );
      // Fast routing is skipped behind a last rule with apply=1, even one that matches nothing.
      await admin.write(
        `INSERT OR IGNORE INTO mysql_query_rules (rule_id, active, username, apply, comment)
         VALUES (${routing.sentinelRuleId}, 1, 'bigdb_cutover_nobody', 0, 'bigdb-cutover sentinel: keeps fast routing on')`,
        signal,
      );
      await publishRules(signal);
      const sentinel = await admin.rows(
        `SELECT rule_id FROM runtime_mysql_query_rules WHERE rule_id = (SELECT MAX(rule_id) FROM runtime_mysql_query_rules) AND apply = 0`,
        signal,
      );
      if (Number(sentinel[0]?.rule_id) !== routing.sentinelRuleId) {
        throw new RouteReadBackError(config.name, owner.orgId, { lastRule: routing.sentinelRuleId }, sentinel);
      }
      return readRoute(owner, signal);
    },

    async assertClean(signal) {
      const { ruleIds, holdHostgroups, sentinelRuleId } = routing;
      const clean = async (table: string, where: string, comparable?: (row: AdminRow) => AdminRow) => {
        const rows = await differing(admin, table, where, comparable, signal);
        if (rows.length > 0) throw new ProxyDirtyError(config.name, table, rows);
      };
      await clean(
        'mysql_query_rules',
        `active = 1 AND rule_id NOT BETWEEN ${ruleIds.from} AND ${ruleIds.to} AND rule_id <> ${sentinelRuleId}`,
      );
      // Loaded and published together with the rules.
      await clean('mysql_query_rules_fast_routing', '1 = 1');
      await clean(
        'mysql_servers',
        `hostgroup_id NOT BETWEEN ${holdHostgroups.from} AND ${holdHostgroups.to}`,
        // A shunned server is one that memory has as online: nobody's edit.
        (row) => (row.status === 'SHUNNED' ? { ...row, status: 'ONLINE' } : row),
      );
    },

    readRoute,
    publishedRoute: (orgId, signal) => publishedRoute(admin, routing, orgId, signal),

    async setRoute(owner, step, route, expected, signal) {
      const pair = rulesFor(routing, owner, route);
      const comment = commentFor(owner, step, route);
      const changed = await admin.write(
        `UPDATE mysql_query_rules SET
           active = ${either(pair, (rule) => rule.active)},
           username = ${either(pair, (rule) => rule.username)},
           schemaname = ${either(pair, (rule) => rule.schemaname)},
           match_pattern = ${either(pair, (rule) => rule.matchPattern)},
           apply = 1,
           match_digest = ${either(pair, (rule) => rule.matchDigest)},
           destination_hostgroup = ${either(pair, (rule) => rule.destinationHostgroup)},
           comment = ${literal(comment)}
         WHERE ${whereRules(owner.slot)} AND comment = ${literal(expected)}`,
        signal,
      );
      if (changed !== 2) {
        const found = await readRoute(owner, signal);
        if (found.comment !== comment) throw new RouteConflictError(config.name, owner.orgId, expected, found.comment);
      }
      await failpoint(`proxy.${step}.changed`, owner.orgId);
      await publishRules(signal, () => failpoint(`proxy.${step}.saved`, owner.orgId));
      await failpoint(`proxy.${step}.loaded`, owner.orgId);
      await assertRuntime(owner, pair, comment, signal);
      await failpoint(`proxy.${step}.readBack`, owner.orgId);
      return comment;
    },

    async openHold(owner, holdHostgroup, side, comment, signal) {
      const { writerHostgroup } = hostgroupsOf(routing, side, owner.homeRegion);
      // Copied on each proxy from its own runtime, which discovery or a failover may have changed.
      await admin.write(
        `INSERT OR REPLACE INTO mysql_servers
           (hostgroup_id, hostname, port, gtid_port, status, weight, compression, max_connections, max_replication_lag, use_ssl, max_latency_ms, comment)
         SELECT ${holdHostgroup}, hostname, port, gtid_port, CASE status WHEN 'SHUNNED' THEN 'ONLINE' ELSE status END, weight, compression,
                max_connections, max_replication_lag, use_ssl, max_latency_ms, ${literal(comment)}
           FROM runtime_mysql_servers
          WHERE hostgroup_id = ${writerHostgroup}
            AND EXISTS (SELECT 1 FROM mysql_query_rules WHERE ${whereRules(owner.slot)} AND comment = ${literal(comment)})`,
        signal,
      );
      await failpoint('proxy.openHold.copied', owner.orgId);
      // Not saved: after a restart nobody waits there any more.
      await admin.write('LOAD MYSQL SERVERS TO RUNTIME', signal);
      await failpoint('proxy.openHold.loaded', owner.orgId);
      const opened = await admin.rows(
        `SELECT hostname FROM runtime_mysql_servers WHERE hostgroup_id = ${holdHostgroup}`,
        signal,
      );
      if (opened.length === 0) {
        const found = await readRoute(owner, signal);
        throw new RouteConflictError(config.name, owner.orgId, comment, found.comment);
      }
    },

    async blockingSessions(owner, side, openSinceHold, signal) {
      const rows = await admin.rows(processListQuery, signal);
      return findBlocking(routing, { proxy: config.name, owner, side, openSinceHold }, rows.map(parseSession));
    },

    async readers(side, homeRegion, signal) {
      const { readerHostgroup } = hostgroupsOf(routing, side, homeRegion);
      if (readerHostgroup === undefined) return [];
      const rows = await admin.rows(
        `SELECT hostname AS host, port FROM runtime_mysql_servers WHERE hostgroup_id = ${readerHostgroup} AND status = 'ONLINE'`,
        signal,
      );
      return rows.map((row) => addressRow.parse(row));
    },

    async waiting(holdHostgroup, signal) {
      const rows = await admin.rows(processListQuery, signal);
      return rows.map(parseSession).filter(({ extended }) => extended.current_hostgroup === holdHostgroup).length;
    },

    lookAtStatements: (signal) => lookAtStatements(admin, routing, signal),
    transactionsBegun: (signal) => transactionsBegun(admin, routing, signal),
    clientErrors: (signal) => clientErrors(admin, routing, signal),
    traffic: (signal) => readTraffic(admin, routing, signal),
    orgStatements: (orgs, signal) => readOrgStatements(admin, routing, orgs, signal),

    async retireHold(holdHostgroup, signal) {
      const leads = `active = 1 AND destination_hostgroup = ${holdHostgroup}`;
      // While a rule leads there a query may still come: this proxy has not been brought back yet.
      const rules = await admin.rows(
        `SELECT rule_id FROM mysql_query_rules WHERE ${leads} UNION SELECT rule_id FROM runtime_mysql_query_rules WHERE ${leads}`,
        signal,
      );
      if (rules.length > 0) return false;
      const sessions = (await admin.rows(processListQuery, signal)).map(parseSession);
      const inUse = sessions.some((session) => usesHostgroup(session, holdHostgroup));
      if (inUse) return false;
      const there = await admin.rows(
        `SELECT DISTINCT comment FROM mysql_servers WHERE hostgroup_id = ${holdHostgroup}`,
        signal,
      );
      if (there.length === 0) return true;
      // Whose servers they are is part of the condition: a delayed command must not empty the hold of a later attempt.
      const comments = there.map(({ comment }) => literal(comment ?? null)).join(', ');
      const deleted = await admin.write(
        `DELETE FROM mysql_servers WHERE hostgroup_id = ${holdHostgroup} AND comment IN (${comments})`,
        signal,
      );
      if (deleted > 0) {
        await admin.write('SAVE MYSQL SERVERS TO DISK', signal);
        await admin.write('LOAD MYSQL SERVERS TO RUNTIME', signal);
      }
      return true;
    },

    facts: (signal) => readFacts(admin, signal),
    picture: (signal) => readPicture(admin, routing, signal),
    adopt: (change, signal) => adoptRules(admin, routing, change, signal),
    routes: (signal) => readRoutes(admin, routing, signal),
    held: (signal) => readHeld(admin, routing, signal),

    close: () => admin.close(),
  };
}

/** Rows that memory and runtime do not share, either way, in every column that this version of ProxySQL has. */
async function differing(
  admin: AdminSession,
  table: string,
  where: string,
  comparable: (row: AdminRow) => AdminRow = (row) => row,
  signal?: AbortSignal,
): Promise<readonly unknown[]> {
  const memory = `SELECT * FROM ${table} WHERE ${where}`;
  const runtime = `SELECT * FROM runtime_${table} WHERE ${where}`;
  const rows = await admin.rows(
    `SELECT 'memory' AS side, * FROM (${memory} EXCEPT ${runtime}) UNION ALL SELECT 'runtime', * FROM (${runtime} EXCEPT ${memory})`,
    signal,
  );
  const seen = new Map<string, number>();
  const keys = rows.map(({ side: _, ...row }) => JSON.stringify(comparable(row)));
  for (const key of keys) seen.set(key, (seen.get(key) ?? 0) + 1);
  // What is the same once it is comparable was found on either side.
  return rows.filter((_, index) => seen.get(keys[index] ?? '') === 1);
}
