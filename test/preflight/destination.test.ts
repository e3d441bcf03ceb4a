import { type Connection, createConnection } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { onServer } from '../../infra/lab/databases/index.ts';
import { fits, kindOf } from '../../src/adapters/proxysql/passwords.ts';
import type { AccountFacts } from '../../src/ports/place.ts';
import type { DestinationServer } from '../../src/ports/routing.ts';
import { judgeDestination } from '../../src/preflight/destination.ts';
import { PreflightWorld } from './world.ts';

describe('the destination, as the org’s own user', () => {
  let world: PreflightWorld;
  beforeAll(async () => {
    world = await PreflightWorld.start();
  });
  afterAll(() => world?.stop());

  const user = () => `org_${world.orgId}`;
  const password = () => world.lab.accounts.orgs.get(world.orgId)?.password ?? '';
  const mySql = () => world.cluster.flavour === 'mysql';
  const users = 'LOAD MYSQL USERS TO RUNTIME';
  const servers = 'LOAD MYSQL SERVERS TO RUNTIME';

  it('all is proven from the start but the network, of which nothing has been tried', () => {
    const [unproven] = world.baseline.filter(({ code }) => code === 'DESTINATION_UNPROVEN');
    expect(unproven?.evidence.proxies).toEqual([
      {
        proxy: world.proxy(0).name,
        network: 'not proven: no connection is open, and the monitor has not looked',
        authentication: 'proven',
        grants: 'proven',
      },
    ]);
  });

  it('the server’s own hash is told from another password’s', async () => {
    const rows = await onServer(world.cluster, async (connection) => {
      const [found] = await connection.query(
        'SELECT plugin, authentication_string AS hash FROM mysql.user WHERE User = ?',
        [user()],
      );
      return found as { plugin: string; hash: string }[];
    });
    const { plugin = '', hash = '' } = rows[0] ?? {};
    expect([fits(password(), plugin, hash), fits(`${password()}x`, plugin, hash)]).toEqual([true, false]);
  });

  it('an account that the cluster has not', () =>
    world.finds(
      { code: 'DESTINATION_USER_MISSING', severity: 'refuse' },
      () => world.atCluster(`RENAME USER '${user()}'@'%' TO 'somebody'@'%'`),
      () => world.atCluster(`RENAME USER 'somebody'@'%' TO '${user()}'@'%'`),
    ));

  it('another password, and an account that is locked', async () => {
    const [found] = await world.finds(
      { code: 'DESTINATION_USER_REFUSED', severity: 'refuse' },
      () => world.atCluster(`ALTER USER '${user()}'@'%' IDENTIFIED BY 'another'`),
      () => world.atCluster(`ALTER USER '${user()}'@'%' IDENTIFIED BY '${password()}'`),
    );
    expect(JSON.stringify(found)).not.toMatch(/\$A\$|\*[0-9A-F]{40}/);
    if (!mySql()) return;
    await world.finds(
      { code: 'DESTINATION_USER_REFUSED', severity: 'refuse' },
      () => world.atCluster(`ALTER USER '${user()}'@'%' ACCOUNT LOCK`),
      () => world.atCluster(`ALTER USER '${user()}'@'%' ACCOUNT UNLOCK`),
    );
  });

  it('a right that the sites give and the cluster does not', async () => {
    const [found] = await world.finds(
      { code: 'DESTINATION_GRANTS_MISSING', severity: 'refuse' },
      () => world.atCluster(`REVOKE UPDATE ON BigDB.* FROM '${user()}'@'%'`),
      () => world.atCluster(`GRANT UPDATE ON BigDB.* TO '${user()}'@'%'`),
    );
    expect(found?.evidence.lacking).toContain('UPDATE on BigDB.CallLogs');
  });

  it('a proxy that does not know the user', () =>
    world.finds(
      { code: 'PROXY_USER_MISSING', severity: 'refuse' },
      () => world.atProxy(`UPDATE mysql_users SET active = 0 WHERE username = '${user()}'`, users),
      () => world.atProxy(`UPDATE mysql_users SET active = 1 WHERE username = '${user()}'`, users),
    ));

  it('a proxy without TLS to an account that demands it', () =>
    world.finds(
      { code: 'PROXY_DESTINATION_TLS', severity: 'refuse' },
      () => world.atCluster(`ALTER USER '${user()}'@'%' REQUIRE SSL`),
      () => world.atCluster(`ALTER USER '${user()}'@'%' REQUIRE NONE`),
    ));

  it('a cluster that takes hardly any more connections', async () => {
    const { host, port, user: name, password: secret } = world.cluster;
    const idle: Connection[] = [];
    await world.finds(
      { code: 'DESTINATION_CONNECTIONS_SHORT', severity: 'warn' },
      async () => {
        while (idle.length < 100) idle.push(await createConnection({ host, port, user: name, password: secret }));
        // Room for what preflight itself opens, and less than a tenth.
        await world.atCluster('SET GLOBAL max_connections = 112');
      },
      async () => {
        for (const connection of idle) connection.destroy();
        await world.atCluster('SET GLOBAL max_connections = 500');
      },
    );
  });

  it('a cluster that a proxy’s monitor does not reach', async () => {
    const { host, port } = world.cluster;
    const look = `INSERT INTO monitor.mysql_server_ping_log (hostname, port, time_start_us, ping_success_time_us, ping_error) VALUES ('${host}', ${port}, ${Date.now() * 1_000}, 0, 'timeout during ping')`;
    await world.finds(
      { code: 'PROXY_DESTINATION_SILENT', severity: 'refuse' },
      () => world.atProxy(look),
      () => world.atProxy('DELETE FROM monitor.mysql_server_ping_log', servers),
    );
  });
});

describe('what is put together', () => {
  const account: AccountFacts = {
    user: 'org_42',
    host: '%',
    plugin: 'mysql_native_password',
    hash: '*x',
    locked: false,
    expired: false,
    tlsRequired: false,
    maxConnections: 0,
    hasRoles: false,
    onTables: new Map([['BigDB.CallLogs', new Set(['SELECT'])]]),
    everywhere: new Set<string>(),
  };
  const server: DestinationServer = {
    host: 'aurora',
    port: 3306,
    status: 'ONLINE',
    maxConnections: 10,
    usesTls: true,
    open: 1,
    lastLook: null,
  };
  const login = { user: 'org_42', usable: true, password: 'plain' as const, connections: 5, fits: () => true };
  const accounts = { accounts: [account], tlsRequired: false };
  const there = { cluster: 'aurora', accounts, before: accounts, load: { connected: 1, running: 1, limit: 100 } };
  const codes = (found: readonly { code: string }[]) => found.map(({ code }) => code);

  it('nothing is left to say where a connection is open and the password fits', () => {
    expect(judgeDestination(42, [{ proxy: 'p1', servers: [server], logins: [login], ownLogins: true }], there)).toEqual(
      [],
    );
  });

  it('a hostgroup too small for the org’s clients refuses', () => {
    const small = { ...server, maxConnections: 5 };
    const found = judgeDestination(42, [{ proxy: 'p1', servers: [small], logins: [login], ownLogins: true }], there);
    expect(found).toMatchObject([{ code: 'DESTINATION_CONNECTIONS_SHORT', severity: 'refuse' }]);
    // Of users that many orgs share nobody knows how many are this one's.
    const shared = judgeDestination(42, [{ proxy: 'p1', servers: [small], logins: [login], ownLogins: false }], there);
    expect(shared).toMatchObject([{ code: 'DESTINATION_CONNECTIONS_SHORT', severity: 'warn' }]);
  });

  it('what only a login would tell is not proven, nor what the controller may not see', () => {
    const unsure = { ...login, fits: () => null };
    const at = [{ proxy: 'p1', servers: [server], logins: [unsure], ownLogins: true }];
    expect(codes(judgeDestination(42, at, there))).toEqual(['DESTINATION_UNPROVEN']);
    const hidden = { ...there, accounts: { accounts: null, tlsRequired: false } };
    expect(codes(judgeDestination(42, at, hidden))).toEqual(['DESTINATION_UNPROVEN']);
  });

  it('hashes are told from passwords, and compared where both are of one kind', () => {
    const native = '*7648E52EC79D4BB879B7B913F0B8BBF8DC4AB6CC';
    expect([null, 'secretpw', native, '$A$005$x'].map(kindOf)).toEqual([
      'none',
      'plain',
      'mysql_native_password',
      'caching_sha2_password',
    ]);
    const plugin = 'mysql_native_password';
    expect([fits('secretpw', plugin, native), fits(native, plugin, native), fits('other', plugin, native)]).toEqual([
      true,
      true,
      false,
    ]);
    expect([fits(null, plugin, native), fits(native, 'caching_sha2_password', '$A$005$x')]).toEqual([false, null]);
  });
});
