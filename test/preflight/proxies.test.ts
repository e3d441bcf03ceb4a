import { type Connection, createConnection } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { orgSchemaName } from '../../infra/lab/bigdb/index.ts';
import { PreflightWorld } from './world.ts';

describe('a proxy', () => {
  let world: PreflightWorld;
  const connections: Connection[] = [];
  beforeAll(async () => {
    world = await PreflightWorld.start();
  });
  afterAll(async () => {
    for (const connection of connections) connection.destroy();
    await world?.stop();
  });

  const load = (module: string) => `LOAD ${module} TO RUNTIME`;
  const rule = (columns: string, values: string) =>
    world.atProxy(
      `INSERT INTO mysql_query_rules (rule_id, active, ${columns}) VALUES (200, 1, ${values})`,
      load('MYSQL QUERY RULES'),
    );
  const noRule = () => world.atProxy('DELETE FROM mysql_query_rules WHERE rule_id = 200', load('MYSQL QUERY RULES'));
  const user = (set: string) =>
    world.atProxy(`UPDATE mysql_users SET ${set} WHERE username = 'org_${world.orgId}'`, load('MYSQL USERS'));
  const client = async (database: string) => {
    const { host, port } = world.proxy(0);
    const { user: name, password } = world.lab.orgs[0] ?? { user: '', password: '' };
    const connection = await createConnection({ host, port, user: name, password, database });
    connections.push(connection);
    return connection;
  };

  it('of an older version warns from the start', () => {
    const codes = world.baseline.filter(({ code }) => code.startsWith('PROXY_')).map(({ code }) => code);
    expect(codes.every((code) => code === 'PROXY_VERSION_OLD')).toBe(true);
  });

  it('that takes rules over from others', () =>
    world.finds(
      { code: 'PROXY_CLUSTER_SYNC', severity: 'refuse' },
      () =>
        world.atProxy(
          `INSERT INTO proxysql_servers (hostname, port, weight, comment) VALUES ('127.0.0.1', 1, 0, 'a peer')`,
          load('PROXYSQL SERVERS'),
        ),
      () => world.atProxy('DELETE FROM proxysql_servers', load('PROXYSQL SERVERS')),
    ));

  it('whose users’ transactions can be split', () =>
    world.finds(
      { code: 'PROXY_TRANSACTIONS_SPLIT', severity: 'refuse' },
      () => user('transaction_persistent = 0'),
      () => user('transaction_persistent = 1'),
    ));

  it('whose user passes every rule', () =>
    world.finds(
      { code: 'PROXY_FAST_FORWARD', severity: 'refuse' },
      () => user('fast_forward = 1'),
      () => user('fast_forward = 0'),
    ));

  it('with a rule that catches the org’s queries first; with one of another user there is nothing', async () => {
    const [found] = await world.finds(
      { code: 'PROXY_RULE_FIRST', severity: 'refuse' },
      () => rule('match_digest, destination_hostgroup, apply', `'^INSERT INTO', 10, 1`),
      noRule,
    );
    expect(found?.evidence).toMatchObject({ ruleId: 200, destinationHostgroup: 10 });
    await rule('username, match_digest, destination_hostgroup, apply', `'somebody', '^INSERT INTO', 10, 1`);
    expect(await world.fresh()).toEqual([]);
    await noRule();
  });

  it('with a rule of which nobody can tell what it catches warns', () =>
    world.finds(
      { code: 'PROXY_RULE_FIRST', severity: 'warn' },
      () => rule('digest, destination_hostgroup, apply', `'0x1234567890ABCDEF', 10, 1`),
      noRule,
    ));

  it('that answers from a cache', () =>
    world.finds(
      { code: 'PROXY_RULE_CACHES', severity: 'refuse' },
      () => rule('match_digest, cache_ttl, apply', `'^SELECT .*CallLogs', 5000, 0`),
      noRule,
    ));

  it('without a rule that keeps a tech table at the source', () => {
    const toolbox = (active: number) =>
      world.atProxy(`UPDATE mysql_query_rules SET active = ${active} WHERE rule_id = 100`, load('MYSQL QUERY RULES'));
    return world.finds(
      { code: 'TECH_TABLE_FOLLOWS_ORG', severity: 'refuse' },
      () => toolbox(0),
      () => toolbox(1),
    );
  });

  it('without a server for the org’s cluster', async () => {
    const { host, port } = world.cluster;
    await world.finds(
      { code: 'PROXY_DESTINATION_DOWN', severity: 'refuse' },
      () => world.atProxy('DELETE FROM mysql_servers WHERE hostgroup_id = 20', load('MYSQL SERVERS')),
      () =>
        world.atProxy(
          `INSERT INTO mysql_servers (hostgroup_id, hostname, port, max_connections) VALUES (20, '${host}', ${port}, 200)`,
          load('MYSQL SERVERS'),
        ),
    );
  });

  it('with a session that is locked to a hostgroup', async () => {
    const connection = await client('BigDB');
    await world.finds(
      { code: 'PROXY_SESSION_LOCKED', severity: 'warn' },
      () => connection.query('SET @here = 1'),
      () => connection.end(),
    );
  });

  it('where the org’s user comes from another schema too', async () => {
    const connection = await client(orgSchemaName(world.orgId));
    await world.finds(
      { code: 'ORG_USES_OTHER_SCHEMA', severity: 'warn' },
      () => connection.query('SELECT COUNT(*) FROM CallLogs'),
      async () => {
        await connection.end();
        await world.atProxy('SELECT 1 FROM stats_mysql_query_digest_reset');
      },
    );
  });
});
