import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { countOrgRows } from '../bigdb/index.ts';
import type { Lab } from '../estate/lab.ts';
import { CONTROLLER_RANGES } from '../estate/proxies.ts';
import type { Workload } from '../workload/index.ts';

/** What a proxy routes by that is not the moving orgs' own: everything but the controller's rules and hold hostgroups. */
export async function othersRoutes(lab: Lab): Promise<string> {
  const tables = [
    `SELECT * FROM runtime_mysql_query_rules WHERE rule_id NOT BETWEEN ${CONTROLLER_RANGES.ruleIds.from} AND ${CONTROLLER_RANGES.ruleIds.to} AND rule_id <> ${CONTROLLER_RANGES.sentinelRuleId} ORDER BY rule_id`,
    `SELECT * FROM runtime_mysql_servers WHERE hostgroup_id NOT BETWEEN ${CONTROLLER_RANGES.holdHostgroups.from} AND ${CONTROLLER_RANGES.holdHostgroups.to} ORDER BY hostgroup_id, hostname, port`,
    'SELECT username, default_hostgroup, transaction_persistent FROM runtime_mysql_users WHERE frontend = 1 ORDER BY username',
    'SELECT * FROM runtime_mysql_query_rules_fast_routing ORDER BY username, schemaname, flagIN',
  ];
  const seen: unknown[] = [];
  for (const { host, adminPort, adminUser, adminPassword } of lab.proxies) {
    const admin = await createConnection({ host, port: adminPort, user: adminUser, password: adminPassword });
    try {
      for (const sql of tables) seen.push((await admin.query<RowDataPacket[]>(sql))[0]);
    } finally {
      admin.destroy();
    }
  }
  return JSON.stringify(seen);
}

/** Rules of the controller's that could catch an org that never moved. */
async function rulesFor(lab: Lab, movers: ReadonlySet<number>): Promise<string[]> {
  const comments: string[] = [];
  for (const { host, adminPort, adminUser, adminPassword } of lab.proxies) {
    const admin = await createConnection({ host, port: adminPort, user: adminUser, password: adminPassword });
    try {
      const { from, to } = CONTROLLER_RANGES.ruleIds;
      const [rows] = await admin.query<RowDataPacket[]>(
        `SELECT comment FROM mysql_query_rules WHERE rule_id BETWEEN ${from} AND ${to}`,
      );
      comments.push(...rows.map(({ comment }) => String(comment)));
    } finally {
      admin.destroy();
    }
  }
  return comments.filter((comment) => ![...movers].some((orgId) => comment.includes(` org=${orgId} `)));
}

/** Orgs that did not move and all the same have a changed route, a row at a cluster, or an error. */
export async function disturbedOthers(
  lab: Lab,
  workload: Workload,
  movers: ReadonlySet<number>,
  routesBefore: string,
): Promise<number[]> {
  const others = lab.orgs.map(({ orgId }) => orgId).filter((orgId) => !movers.has(orgId));
  if ((await othersRoutes(lab)) !== routesBefore || (await rulesFor(lab, movers)).length > 0) return others;
  const disturbed: number[] = [];
  for (const orgId of others) {
    const atClusters = await Promise.all(lab.clusters.map(({ server }) => countOrgRows(server, orgId)));
    const rows = atClusters.flatMap((counts) => [...counts.values()]).reduce((sum, count) => sum + count, 0);
    if (rows > 0 || workload.clientErrorsOf(orgId) > 0) disturbed.push(orgId);
  }
  return disturbed;
}
