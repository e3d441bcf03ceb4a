import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { retentionOf } from '../../src/preflight/binlogRetention.ts';
import { PreflightWorld } from './world.ts';

describe('settings of servers', () => {
  let world: PreflightWorld;
  beforeAll(async () => {
    world = await PreflightWorld.start();
  });
  afterAll(() => world?.stop());

  const usual = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION';
  const mode = (more: string) => () => world.atCluster(`SET GLOBAL sql_mode = '${usual}${more}'`);
  const mySql = () => world.cluster.flavour === 'mysql';

  it('binlogs that are kept for an hour, at a site and at the cluster', async () => {
    const kept = (seconds: number) => `SET GLOBAL binlog_expire_logs_seconds = ${seconds}`;
    await world.finds(
      { code: 'BINLOG_RETENTION_SHORT', severity: 'refuse' },
      () => world.atSite(1, kept(3_600)),
      () => world.atSite(1, kept(86_400)),
    );
    await world.finds(
      { code: 'BINLOG_RETENTION_SHORT', severity: 'refuse' },
      () => world.atCluster(kept(3_600)),
      () => world.atCluster(kept(86_400)),
    );
    expect(await world.fresh()).toEqual([]);
  });

  it('an Aurora whose retention was never set, and one that does not tell', async () => {
    if (!mySql()) return;
    await world.finds(
      { code: 'BINLOG_RETENTION_SHORT', severity: 'refuse' },
      () =>
        world.atCluster(
          'CREATE TABLE mysql.rds_configuration (name VARCHAR(100), value VARCHAR(100))',
          `INSERT INTO mysql.rds_configuration VALUES ('binlog retention hours', NULL)`,
          `GRANT SELECT ON mysql.rds_configuration TO 'cutover'@'%'`,
        ),
      () => world.atCluster('DROP TABLE mysql.rds_configuration'),
    );
    expect(retentionOf({ place: 'aurora', binlogKeptS: 'unknown' })).toMatchObject([
      { code: 'BINLOG_RETENTION_UNKNOWN', severity: 'warn' },
    ]);
  });

  it('a cluster that takes no zero dates', () =>
    world.finds({ code: 'ZERO_DATES_REFUSED', severity: 'refuse' }, mode(',NO_ZERO_DATE'), mode('')));

  it('an sql_mode that changes what statements mean refuses, another one warns', async () => {
    await world.finds({ code: 'SQL_MODE_DIFFERS', severity: 'refuse' }, mode(',ANSI_QUOTES'), mode(''));
    await world.finds({ code: 'SQL_MODE_DIFFERS', severity: 'warn' }, mode(',ONLY_FULL_GROUP_BY'), mode(''));
  });

  it('a cluster that takes smaller values than the sites', () => {
    const packet = (bytes: number) => world.atCluster(`SET GLOBAL max_allowed_packet = ${bytes}`);
    return world.finds(
      { code: 'LOB_LIMIT_LOWER', severity: 'refuse' },
      () => packet(16_777_216),
      () => packet(67_108_864),
    );
  });

  it('another isolation', () => {
    const name = mySql() ? 'transaction_isolation' : 'tx_isolation';
    return world.finds(
      { code: 'ISOLATION_DIFFERS', severity: 'warn' },
      () => world.atCluster(`SET GLOBAL ${name} = 'READ-COMMITTED'`),
      () => world.atCluster(`SET GLOBAL ${name} = 'REPEATABLE-READ'`),
    );
  });

  it('another default collation', () => {
    const collation = (name: string) => world.atCluster(`SET GLOBAL collation_server = '${name}'`);
    return world.finds(
      { code: 'DEFAULT_COLLATION_DIFFERS', severity: 'warn' },
      () => collation('utf8mb4_unicode_ci'),
      () => collation(mySql() ? 'utf8mb4_0900_ai_ci' : 'utf8mb4_general_ci'),
    );
  });

  it('a right that an account has lost', async () => {
    const [found] = await world.finds(
      { code: 'PRIVILEGES_MISSING', severity: 'refuse' },
      () => world.atCluster(`REVOKE DELETE ON BigDB.* FROM 'purge'@'%'`),
      () => world.atCluster(`GRANT DELETE ON BigDB.* TO 'purge'@'%'`),
    );
    expect(found?.evidence).toMatchObject({
      account: 'purge@%',
      missing: expect.arrayContaining(['DELETE on BigDB.CallLogs']),
    });
  });

  it('a clock that is ahead', async () => {
    // Only accounts that administer nothing are given it; of one with a role nothing is said about privileges.
    const right = mySql() ? 'CONNECTION_ADMIN' : 'CONNECTION ADMIN';
    const active = mySql()
      ? `SET DEFAULT ROLE 'shifted' TO 'cutover'@'%'`
      : `SET DEFAULT ROLE shifted FOR 'cutover'@'%'`;
    await world.finds(
      { code: 'CLOCKS_DIFFER', severity: 'warn', count: 2 },
      () =>
        world.atCluster(
          `CREATE ROLE 'shifted'`,
          `GRANT 'shifted' TO 'cutover'@'%'`,
          active,
          `REVOKE ${right} ON *.* FROM 'cutover'@'%'`,
          `SET GLOBAL init_connect = 'SET timestamp = UNIX_TIMESTAMP() + 60'`,
        ),
      () =>
        world.atCluster(
          `SET GLOBAL init_connect = ''`,
          `GRANT ${right} ON *.* TO 'cutover'@'%'`,
          `DROP ROLE 'shifted'`,
        ),
    );
  });

  it('writes in a GTID domain that no marker is written in', async () => {
    await world.atSite(0, 'SET SESSION gtid_domain_id = 7', `INSERT INTO BigDB.Toolbox (Name) VALUES ('seven')`);
    await world.lab.sites.waitUntilInStep();
    const found = await world.fresh();
    expect(found.map(({ code, severity }) => ({ code, severity }))).toEqual([
      { code: 'GTID_DOMAIN_UNMARKED', severity: 'refuse' },
    ]);
    expect(found[0]?.evidence).toMatchObject({ domains: [7] });
  });
});
