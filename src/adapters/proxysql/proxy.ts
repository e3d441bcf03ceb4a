import { z } from 'zod';
import { StaleEpochError } from '../../errors/place.ts';
import { ProxyDirtyError, RouteConflictError, RouteReadBackError } from '../../errors/routing.ts';
import { failpoint } from '../../failpoints/failpoints.ts';
import type { Clock } from '../../ports/clock.ts';
import type { FleetProxy, RouteOwner, RouteState } from '../../ports/routing.ts';
import { systemClock } from '../clock.ts';
import { type AdminRow, type AdminSession, literal, openAdmin } from './admin.ts';
import { auditProxy } from './audit.ts';
import { clientErrors } from './clientErrors.ts';
import { hostgroupsOf, type ProxyConfig, type RoutingConfig } from './config.ts';
import { needOwnRules } from './coverage.ts';
import { readDestination } from './destination.ts';
import { proxyFindings } from './findings/index.ts';
import { inspectProxy } from './inspect.ts';
import { mendProxy } from './mend.ts';
import { adoptRules, readFacts, readHeld, readPicture, readRoutes } from './picture.ts';
import { publishedRoute } from './publishedRoute.ts';
import { commentFor, parseComment, type Rule, type RulePair, ruleIdsOf, rulesFor, sharingOf } from './rules.ts';
import { insertPair, isRule, type RuleRow, ruleColumns, ruleRow, updatePair } from './ruleText.ts';
import { statementsOf, strayStatements } from './sentStatements.ts';
import { findBlocking, parseSession, processListQuery, usesHostgroup } from './sessions.ts';
import {
  giveOwnRules,
  lastRule,
  paced,
  publish,
  putSentinel,
  readSharings,
  settleOrgs,
  shareOrgs,
} from './settling.ts';
import { isOwnFast } from './sharedRoutes.ts';
import { lookAtStatements, transactionsBegun } from './statementSample.ts';
import { readOrgStatements, readTraffic } from './traffic.ts';

const addressRow = z.object({ host: z.string(), port: z.coerce.number() });

/** One ProxySQL instance through its admin interface. */
export function createProxy(
  config: ProxyConfig,
  routing: RoutingConfig,
  admin: AdminSession = openAdmin(config),
  clock: Pick<Clock, 'nowMs'> = systemClock,
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

  const assertRuntime = async (owner: RouteOwner, pair: RulePair, comment: string, signal?: AbortSignal) => {
    const rows = await admin.rows(
      `SELECT ${ruleColumns} FROM runtime_mysql_query_rules
        WHERE ${whereRules(owner.slot)} ORDER BY rule_id`,
      signal,
    );
    const found = rows.map((row) => ruleRow.parse(row));
    // The runtime has active rules only.
    const wanted = [pair.read, pair.write].filter(({ active }) => active === 1);
    const same = (rule: Rule, row: RuleRow | undefined) =>
      row !== undefined && isRule(row, rule) && row.comment === comment;
    const shown = found.filter(({ active }) => active === 1);
    if (shown.length !== wanted.length || !wanted.every((rule, index) => same(rule, shown[index]))) {
      throw new RouteReadBackError(config.name, owner.orgId, { comment, rules: wanted }, found);
    }
  };

  /** For an org that a shared route leads. Where the change that is wanted is there already, so are its own rules. */
  const ownRulesOf = async (owner: RouteOwner, expected: string, wanted: string, signal?: AbortSignal) => {
    const { comment } = await readRoute(owner, signal);
    if (comment === wanted) return wanted;
    const own = rulesFor(routing, owner, { kind: 'cluster' });
    return giveOwnRules(
      admin,
      config.name,
      routing,
      owner,
      expected,
      (given) => assertRuntime(owner, own, given, signal),
      signal,
    );
  };

  const setRoute: FleetProxy['setRoute'] = async (owner, step, route, expected, signal) => {
    // An owner that was cut off finds what a newer one has written since, and would take it for the last word.
    if (parseComment(expected).epoch > owner.epoch)
      throw new StaleEpochError(`proxy ${config.name}`, owner.orgId, owner.epoch);
    const pair = rulesFor(routing, owner, route);
    const comment = commentFor(owner, step, route);
    const from = sharingOf(expected) === 'own' ? expected : await ownRulesOf(owner, expected, comment, signal);
    const changed = await admin.write(updatePair(pair, comment, from), signal);
    if (changed !== 2) {
      const found = await readRoute(owner, signal);
      if (found.comment !== comment) throw new RouteConflictError(config.name, owner.orgId, from, found.comment);
    }
    await failpoint(`proxy.${step}.changed`, owner.orgId);
    await publish(admin, signal, () => failpoint(`proxy.${step}.saved`, owner.orgId));
    await failpoint(`proxy.${step}.loaded`, owner.orgId);
    await assertRuntime(owner, pair, comment, signal);
    await failpoint(`proxy.${step}.readBack`, owner.orgId);
    return comment;
  };

  const assertClean = async (signal?: AbortSignal) => {
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
    await clean('mysql_query_rules_fast_routing', `NOT (${isOwnFast})`);
    await clean(
      'mysql_servers',
      `hostgroup_id NOT BETWEEN ${holdHostgroups.from} AND ${holdHostgroups.to}`,
      // A shunned server is one that memory has as online: nobody's edit.
      (row) => (row.status === 'SHUNNED' ? { ...row, status: 'ONLINE' } : row),
    );
  };

  return {
    name: config.name,
    ping: async (signal) => void (await admin.rows('SELECT 1', signal)),
    inspect: (signal) => inspectProxy(admin, routing, signal),
    findings: (org, catalogue, signal) => proxyFindings({ proxy: config.name, admin, routing, org, catalogue, signal }),

    async prepare(owner, signal) {
      await admin.write(
        insertPair(rulesFor(routing, owner, { kind: 'source' }), commentFor(owner, 'prepare', { kind: 'source' })),
        signal,
      );
      await putSentinel(admin, routing, signal);
      await publish(admin, signal);
      const last = await lastRule(admin, signal);
      if (Number(last?.rule_id) !== routing.sentinelRuleId || last?.apply !== '0') {
        throw new RouteReadBackError(config.name, owner.orgId, { lastRule: routing.sentinelRuleId }, last);
      }
      return readRoute(owner, signal);
    },

    assertClean,

    readRoute,
    publishedRoute: (orgId, signal) => publishedRoute(admin, routing, orgId, signal),

    setRoute,

    sharings: (signal) => readSharings(admin, routing, signal),
    needOwnRules: (orgs, signal) => needOwnRules(admin, routing, orgs, signal),
    async share(orgs, pause, signal) {
      await pause();
      await assertClean(signal);
      return shareOrgs({ admin, proxy: config.name, routing, orgs, pause, signal });
    },
    async settle(orgs, pause, signal) {
      await pause();
      await assertClean(signal);
      return settleOrgs({ admin, proxy: config.name, routing, orgs, pause, signal });
    },
    audit: (expected, moving, pause, signal) => auditProxy(paced(admin, pause), routing, expected, moving, signal),
    mend: (drift, expected, pause, signal) =>
      mendProxy(
        paced(admin, pause),
        { readRoute: async (...of) => pause().then(() => readRoute(...of)), setRoute, assertClean },
        routing,
        drift,
        expected,
        signal,
      ),

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

    destination: (org, signal) => readDestination(admin, routing, org, () => clock.nowMs(), signal),

    async servers(side, homeRegion, signal) {
      const { writerHostgroup, readerHostgroup = writerHostgroup } = hostgroupsOf(routing, side, homeRegion);
      const rows = await admin.rows(
        `SELECT DISTINCT hostname AS host, port FROM runtime_mysql_servers
          WHERE hostgroup_id IN (${writerHostgroup}, ${readerHostgroup}) AND status <> 'OFFLINE_HARD'`,
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
    strayStatements: (tables, signal) => strayStatements(admin, routing, tables, signal),
    statementsOf: (org, tables, signal) => statementsOf(admin, routing, org, tables, signal),
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
