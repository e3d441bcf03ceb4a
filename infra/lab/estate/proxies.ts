import { createConnection } from 'mysql2/promise';
import type { LabAccounts } from '../bigdb/index.ts';
import type { DatabaseAddress } from '../databases/index.ts';
import type { ProxySqlAddress } from '../proxysql/start.ts';

/** Hostgroups of the lab's fleet; every proxy has the same numbers. */
export const SOURCE_HOSTGROUPS = { writerHostgroup: 10, readerHostgroup: 11 };
export const clusterHostgroup = (index: number): number => 20 + index;
/** Rule ids and hold hostgroups that are the controller's own. */
export const CONTROLLER_RANGES = {
  ruleIds: { from: 10_000, to: 99_999 },
  holdHostgroups: { from: 30_000, to: 39_999 },
  sentinelRuleId: 2_000_000_000,
};

/** One proxy of the fleet, with the site whose database it uses as the source. */
export interface LabProxy {
  readonly server: ProxySqlAddress;
  readonly site: DatabaseAddress;
}

/**
 * Sets a proxy up as the platform had it before anybody thought of moving: accounts, the site as source with a
 * read/write split, a rule that keeps tech tables there, and the clusters as hostgroups that nothing routes to.
 */
export async function configureProxy(
  { server, site }: LabProxy,
  clusters: readonly DatabaseAddress[],
  accounts: LabAccounts,
): Promise<void> {
  const admin = await createConnection({
    host: server.host,
    port: server.adminPort,
    user: server.adminUser,
    password: server.adminPassword,
  });
  try {
    const { writerHostgroup, readerHostgroup } = SOURCE_HOSTGROUPS;
    const servers: [number, DatabaseAddress][] = [
      [writerHostgroup, site],
      [readerHostgroup, site],
      ...clusters.map((cluster, index): [number, DatabaseAddress] => [clusterHostgroup(index), cluster]),
    ];
    for (const [hostgroup, { host, port }] of servers) {
      await admin.query(
        `INSERT INTO mysql_servers (hostgroup_id, hostname, port, max_connections) VALUES (${hostgroup}, '${host}', ${port}, 200)`,
      );
    }
    for (const { user, password } of [...accounts.orgs.values(), accounts.app, accounts.worker]) {
      await admin.query(
        `INSERT INTO mysql_users (username, password, default_hostgroup, transaction_persistent)
         VALUES ('${user}', '${password}', ${writerHostgroup}, 1)`,
      );
    }
    await admin.query(
      `INSERT INTO mysql_query_rules (rule_id, active, match_digest, destination_hostgroup, apply, comment) VALUES
         (100, 1, '\\bToolbox\\b', ${writerHostgroup}, 1, 'tech tables stay at the source'),
         (1000000, 1, '^SELECT .*FOR UPDATE', ${writerHostgroup}, 1, 'read/write split: locking reads'),
         (1000001, 1, '^SELECT ', ${readerHostgroup}, 1, 'read/write split: reads')`,
    );
    await admin.query(`SET mysql-show_processlist_extended = 1`);
    for (const module of ['SERVERS', 'USERS', 'QUERY RULES', 'VARIABLES']) {
      await admin.query(`SAVE MYSQL ${module} TO DISK`);
      await admin.query(`LOAD MYSQL ${module} TO RUNTIME`);
    }
  } finally {
    admin.destroy();
  }
}
