import type { RowDataPacket } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ORG_TABLES } from '../../infra/lab/bigdb/index.ts';
import { onServer } from '../../infra/lab/databases/index.ts';
import type { Finding } from '../../src/ports/finding.ts';
import { PreflightWorld } from './world.ts';

// biome-ignore lint/suspicious/noExplicitAny: any part of it may be changed to anything
type LooseConfig = any;

describe('a place', () => {
  let world: PreflightWorld;
  beforeAll(async () => {
    world = await PreflightWorld.start();
  });
  afterAll(() => world?.stop());

  const nothing = async () => {};
  const refused = (code: string, count = 1) => ({ code, severity: 'refuse' as const, count });
  const configured = (wanted: { code: string; severity: Finding['severity'] }, change: (config: LooseConfig) => void) =>
    world.finds(wanted, nothing, nothing, change);
  const atSecond = (...statements: string[]) => world.atSite(1, ...statements);

  it('that writes less than whole rows to its binlog', () =>
    world.finds(
      refused('BINLOG_NOT_ROW'),
      () => atSecond(`SET GLOBAL binlog_row_image = 'MINIMAL'`),
      () => atSecond(`SET GLOBAL binlog_row_image = 'FULL'`),
    ));

  it('that is read-only', async () => {
    await world.finds(
      refused('SITE_READ_ONLY'),
      () => atSecond('SET GLOBAL read_only = 1'),
      () => atSecond('SET GLOBAL read_only = 0'),
    );
    await world.finds(
      refused('CLUSTER_READ_ONLY'),
      () => world.atCluster('SET GLOBAL read_only = 1'),
      () => world.atCluster('SET GLOBAL read_only = 0'),
    );
  });

  it('that takes nothing from the other site', async () => {
    const site = world.lab.sites.sites[1];
    await world.finds(
      refused('REPLICATION_NOT_RUNNING'),
      async () => site?.stopReplication(),
      async () => {
        await site?.startReplication();
        await world.lab.sites.waitUntilInStep();
      },
    );
  });

  it('whose triggers run for replicated rows', () =>
    world.finds(
      refused('SLAVE_TRIGGERS_RUN'),
      () => atSecond('STOP SLAVE', `SET GLOBAL slave_run_triggers_for_rbr = 'YES'`, 'START SLAVE'),
      () => atSecond('STOP SLAVE', `SET GLOBAL slave_run_triggers_for_rbr = 'NO'`, 'START SLAVE'),
    ));

  it('that nobody answers at, once, however much is asked there', async () => {
    const [found] = await configured({ code: 'PLACE_UNAVAILABLE', severity: 'refuse' }, (config) => {
      config.sites[1].port = 1;
    });
    expect(found?.evidence).toMatchObject({ place: 'lon2' });
  });

  it('whose certificate is signed by nobody that is known', async () => {
    if (world.cluster.flavour !== 'mysql') return;
    const [found] = await configured({ code: 'CERTIFICATE_REFUSED', severity: 'refuse' }, (config) => {
      config.clusters[0].tls = { verifyHostname: false };
    });
    expect(found?.message).toMatch(/self-signed certificate/);
  });

  it('that lacks a table', () =>
    world.finds(
      refused('TABLE_MISSING'),
      () => world.atCluster('RENAME TABLE BigDB.CompositeUsage TO BigDB.Elsewhere'),
      () => world.atCluster('RENAME TABLE BigDB.Elsewhere TO BigDB.CompositeUsage'),
    ));

  it('where a table has another shape', () =>
    world.finds(
      // The cluster is compared with each site.
      refused('SHAPES_DIFFER', 2),
      () => world.atCluster('ALTER TABLE BigDB.CallLogs ADD COLUMN Extra INT NULL'),
      () => world.atCluster('ALTER TABLE BigDB.CallLogs DROP COLUMN Extra'),
    ));

  it('where a table is no InnoDB table, or is partitioned', async () => {
    const alter = (how: string) => world.atCluster(`ALTER TABLE BigDB.CompositeUsage ${how}`);
    await world.finds(
      refused('TABLE_NOT_INNODB'),
      () => alter('ENGINE = MyISAM'),
      () => alter('ENGINE = InnoDB'),
    );
    await world.finds(
      refused('TABLE_PARTITIONED'),
      () => alter('PARTITION BY HASH (OrgID) PARTITIONS 2'),
      () => alter('REMOVE PARTITIONING'),
    );
  });

  it('where a foreign key changes rows by itself', () => {
    const key =
      'ADD CONSTRAINT ToCall FOREIGN KEY (RecordingID) REFERENCES BigDB.CallLogs (CallLogID) ON DELETE CASCADE';
    return world.finds(
      refused('FOREIGN_KEY_CASCADES', 3),
      () => world.everywhere('SET SESSION foreign_key_checks = 0', `ALTER TABLE BigDB.RecordingMetadata ${key}`),
      () => world.everywhere('ALTER TABLE BigDB.RecordingMetadata DROP FOREIGN KEY ToCall'),
    );
  });

  it('where somebody may truncate the tables', async () => {
    const found = await world.finds(
      { code: 'TRUNCATE_GRANTED', severity: 'warn', count: 2 * ORG_TABLES.length },
      () => world.atSites(`GRANT SELECT ON mysql.* TO 'cutover'@'%'`),
      () => world.atSites(`REVOKE SELECT ON mysql.* FROM 'cutover'@'%'`),
    );
    expect(found[0]?.evidence).toMatchObject({ accounts: [`'dms'@'%'`] });
  });

  it('without the fence’s tables, triggers or rows', async () => {
    const at = (...statements: string[]) => world.atCluster(...statements);
    await world.finds(
      refused('FENCE_NOT_INSTALLED'),
      () => at('RENAME TABLE bigdb_cutover.pin_probe TO bigdb_cutover.elsewhere'),
      () => at('RENAME TABLE bigdb_cutover.elsewhere TO bigdb_cutover.pin_probe'),
    );
    const trigger = await onServer(world.cluster, async (connection) => {
      const [rows] = await connection.query<RowDataPacket[]>(
        `SELECT TRIGGER_NAME AS name FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = 'BigDB' AND EVENT_OBJECT_TABLE = 'CallLogs' LIMIT 1`,
      );
      const name = String(rows[0]?.name);
      const [[made]] = await connection.query<RowDataPacket[]>(`SHOW CREATE TRIGGER BigDB.${name}`);
      return { name, sql: String(made?.['SQL Original Statement']) };
    });
    await world.finds(
      refused('FENCE_TRIGGERS_MISSING'),
      () => at(`DROP TRIGGER BigDB.${trigger.name}`),
      () => at('USE BigDB', trigger.sql),
    );
    for (const [code, table, column] of [
      ['FENCE_ROW_MISSING', 'fence', 'place'],
      ['HEARTBEAT_ROW_MISSING', 'heartbeat', 'site'],
    ] as const) {
      const own = `org_id = ${world.orgId} AND ${column} = '${world.cluster.name}'`;
      await world.finds(
        refused(code),
        () => at(`UPDATE bigdb_cutover.${table} SET org_id = 999999 WHERE ${own}`),
        () => at(`UPDATE bigdb_cutover.${table} SET org_id = ${world.orgId} WHERE org_id = 999999`),
      );
    }
  });

  it('that says that it is another', () =>
    world.finds(
      refused('PLACE_IDENTITY_MISMATCH'),
      () => world.atCluster(`UPDATE bigdb_cutover.identity SET name = 'aurora-elsewhere'`),
      () => world.atCluster(`UPDATE bigdb_cutover.identity SET name = '${world.cluster.name}'`),
    ));

  it('that has rows of the org before anybody has moved it', () => {
    const { user, password } = world.lab.accounts.purge;
    const purge = { ...world.cluster, host: world.cluster.host, port: world.cluster.port, user, password };
    const run = (sql: string) => onServer(purge, (connection) => connection.query(sql));
    return world.finds(
      refused('TARGET_NOT_EMPTY'),
      () =>
        run(`INSERT INTO BigDB.CdrTasks (TaskID, OrgID, CdrRef, Payload) VALUES (3, ${world.orgId}, UNHEX('01'), 'x')`),
      () => run(`DELETE FROM BigDB.CdrTasks WHERE OrgID = ${world.orgId}`),
    );
  });
});

describe('a proxy that cannot be relied on', () => {
  let world: PreflightWorld;
  beforeAll(async () => {
    world = await PreflightWorld.start();
  });
  afterAll(() => world?.stop());

  const set = (name: string, value: string) =>
    world.atProxy(`SET ${name} = ${value}`, 'LOAD MYSQL VARIABLES TO RUNTIME');

  it.each([
    ['mysql-connect_timeout_server_max', '1000', '10000'],
    ['mysql-show_processlist_extended', '0', '1'],
    ['mysql-query_processor_regex', '2', '1'],
    ['mysql-query_digests', `'false'`, `'true'`],
    ['mysql-query_digests_keep_comment', `'true'`, `'false'`],
    ['mysql-enforce_autocommit_on_reads', `'true'`, `'false'`],
  ])('%s = %s', async (name, wrong, right) => {
    const [found] = await world.finds(
      { code: 'PROXY_UNFIT', severity: 'refuse' },
      () => set(name, wrong),
      () => set(name, right),
    );
    expect(found?.message).toContain(name);
  });

  it('an old version', async () => {
    // What a real one says of itself cannot be changed.
    if (world.proxy(0).kind !== 'stand-in') return;
    const version = (text: string) =>
      world.atProxy(
        `UPDATE global_variables SET variable_value = '${text}' WHERE variable_name = 'admin-version'`,
        'LOAD ADMIN VARIABLES TO RUNTIME',
      );
    await world.finds(
      { code: 'PROXY_TOO_OLD', severity: 'refuse' },
      () => version('2.0.18-stand-in'),
      () => version('2.7.1-stand-in'),
    );
  });

  it('somebody’s edit that was never loaded', () =>
    world.finds(
      { code: 'PROXY_MEMORY_DIFFERS', severity: 'refuse' },
      () =>
        world.atProxy(`INSERT INTO mysql_query_rules (rule_id, active, match_digest, apply) VALUES (300, 1, 'x', 1)`),
      () => world.atProxy('DELETE FROM mysql_query_rules WHERE rule_id = 300'),
    ));

  it('silence, once, however much is asked there', () =>
    world.finds(
      { code: 'PROXY_UNAVAILABLE', severity: 'refuse' },
      async () => {},
      async () => {},
      (config) => {
        config.proxies[0].adminPort = 1;
      },
    ));
});
