import {
  DatabaseMigrationServiceClient,
  DescribeReplicationTasksCommand,
} from '@aws-sdk/client-database-migration-service';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { countOrgRows } from '../../infra/lab/bigdb/index.ts';
import { onServer } from '../../infra/lab/databases/index.ts';
import type { LabApi } from '../../infra/lab/demo/api.ts';
import { type FlipSpan, flipsOf, holdsOf } from '../../infra/lab/demo/served.ts';
import { LAB_CREDENTIALS } from '../../infra/lab/estate/endpoints.ts';
import type { Lab } from '../../infra/lab/estate/lab.ts';
import { CONTROLLER_RANGES } from '../../infra/lab/estate/proxies.ts';
import { pseudoOrgId } from '../../src/ports/replication.ts';
import type { Told } from './drive.ts';

/** What the timelines of an org's moves say together. */
export interface OrgHistory {
  readonly orgId: number;
  readonly told: readonly Told[];
  /** All committed flips, in order of time. */
  readonly flips: readonly FlipSpan[];
  /** All holds, aborted ones too. */
  readonly holds: readonly { readonly migrationId: string; readonly ms: number }[];
  /** States in which the way back was asked for. */
  readonly askedBackIn: readonly string[];
}

export async function historyOf(api: LabApi, orgId: number, told: readonly Told[]): Promise<OrgHistory> {
  const flips: FlipSpan[] = [];
  const holds: { migrationId: string; ms: number }[] = [];
  const askedBackIn: string[] = [];
  for (const { status } of told) {
    const events = await api.events(status.id);
    flips.push(...flipsOf(events));
    holds.push(...holdsOf(events).map(({ fromMs, toMs }) => ({ migrationId: status.id, ms: toMs - fromMs })));
    const asked = events.findIndex(({ data }) => data.command === 'rollback');
    const before = events.slice(0, asked).findLast(({ type }) => type === 'state' || type === 'command');
    if (before !== undefined) askedBackIn.push(before.state);
  }
  return { orgId, told, flips, holds, askedBackIn };
}

/** Rules of the controller that route anything, and hold hostgroups that still have servers, at every proxy. */
export async function leftAtProxies(lab: Lab): Promise<string[]> {
  const { ruleIds, holdHostgroups } = CONTROLLER_RANGES;
  const rules = `rule_id BETWEEN ${ruleIds.from} AND ${ruleIds.to}`;
  const servers = `hostgroup_id BETWEEN ${holdHostgroups.from} AND ${holdHostgroups.to}`;
  const questions = [
    // A server that was taken away stays in the runtime's list, OFFLINE_HARD, while idle sessions keep connections to it.
    `SELECT 'rule in memory' AS what, rule_id AS id, comment FROM mysql_query_rules WHERE ${rules} AND active = 1`,
    `SELECT 'rule in the runtime' AS what, rule_id AS id, comment FROM runtime_mysql_query_rules WHERE ${rules} AND active = 1`,
    `SELECT 'tombstone' AS what, rule_id AS id, comment FROM mysql_query_rules WHERE ${rules} AND comment NOT LIKE '% state=source'`,
    `SELECT 'hold hostgroup in memory' AS what, hostgroup_id AS id, comment FROM mysql_servers WHERE ${servers}`,
    `SELECT 'hold hostgroup in the runtime' AS what, hostgroup_id AS id, comment FROM runtime_mysql_servers WHERE ${servers} AND status <> 'OFFLINE_HARD'`,
  ];
  const left: string[] = [];
  for (const { name, host, adminPort, adminUser, adminPassword } of lab.proxies) {
    const admin = await createConnection({ host, port: adminPort, user: adminUser, password: adminPassword });
    try {
      for (const question of questions) {
        const [rows] = await admin.query<RowDataPacket[]>(question);
        left.push(...rows.map((row) => `${name}: ${row.what} ${row.id}: ${row.comment}`));
      }
    } finally {
      admin.destroy();
    }
  }
  return left;
}

/** Attempts whose hold hostgroup was not given back to the store. */
export function unretiredAttempts(lab: Lab): Promise<string[]> {
  return onServer(lab.control.store, async (connection) => {
    const [rows] = await connection.query<RowDataPacket[]>(
      `SELECT migration_id AS id, attempt, hold_in_use AS hold FROM ${lab.storeAccount.database}.attempts WHERE hold_in_use IS NOT NULL`,
    );
    return rows.map(({ id, attempt, hold }) => `attempt ${attempt} of ${id} has hostgroup ${hold}`);
  });
}

/** Ids of all replication tasks of orgs that exist. The pseudo org's stays: it proves the way back for the whole region. */
export async function leftTasks(lab: Lab): Promise<string[]> {
  const { url, region } = lab.dms;
  const client = new DatabaseMigrationServiceClient({ endpoint: url, region, credentials: LAB_CREDENTIALS });
  try {
    const { ReplicationTasks } = await client.send(new DescribeReplicationTasksCommand({ WithoutSettings: true }));
    return (ReplicationTasks ?? [])
      .map((task) => task.ReplicationTaskIdentifier ?? 'a task without a name')
      .filter((id) => !id.includes(`-org${pseudoOrgId}-`));
  } finally {
    client.destroy();
  }
}

/** Fences of these orgs that are not as they should be where the source serves: sites open to clients, clusters to nobody. */
export async function wrongFences(lab: Lab, orgIds: readonly number[]): Promise<string[]> {
  const places = [
    ...lab.sites.sites.map(({ server }) => ({ server, writer: 'clients' })),
    ...lab.clusters.map(({ server }) => ({ server, writer: 'nobody' })),
  ];
  const wrong: string[] = [];
  for (const { server, writer } of places) {
    const rows = await onServer(server, async (connection) => {
      const sql = 'SELECT org_id AS orgId, writer FROM bigdb_cutover.fence WHERE place = ? AND org_id IN (?)';
      return (await connection.query<RowDataPacket[]>(sql, [server.name, orgIds]))[0];
    });
    for (const orgId of orgIds) {
      const found = rows.find((row) => Number(row.orgId) === orgId)?.writer ?? 'no row';
      if (found !== writer) wrong.push(`${server.name}: org ${orgId} is open to ${found}, not to ${writer}`);
    }
  }
  return wrong;
}

/** Orgs of these that still have rows at a cluster, with their number. */
export async function rowsAtClusters(lab: Lab, orgIds: readonly number[]): Promise<string[]> {
  const left: string[] = [];
  for (const { server } of lab.clusters) {
    for (const orgId of orgIds) {
      const rows = [...(await countOrgRows(server, orgId)).values()].reduce((sum, count) => sum + count, 0);
      if (rows > 0) left.push(`${server.name}: ${rows} rows of org ${orgId}`);
    }
  }
  return left;
}
