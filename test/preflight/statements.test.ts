import { type Connection, createConnection } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Account } from '../../infra/lab/bigdb/index.ts';
import { onServer, pollUntil } from '../../infra/lab/databases/index.ts';
import { hasOrgPredicate } from '../../src/preflight/orgPredicate.ts';
import { judgeStrays } from '../../src/preflight/strayStatements.ts';
import { PreflightWorld } from './world.ts';

describe('statements of clients', () => {
  let world: PreflightWorld;
  beforeAll(async () => {
    world = await PreflightWorld.start();
    // Else the first statement of a case is the first of all, and takes a warning away.
    await as(own(), (client) => client.query('SELECT COUNT(*) FROM CallLogs WHERE OrgID = ?', [world.orgId]));
    world.baseline = await world.findings();
  });
  afterAll(() => world?.stop());

  const own = (): Account => world.lab.accounts.orgs.get(world.orgId) ?? { user: '', password: '' };
  const as = async <T>({ user, password }: Account, work: (client: Connection) => Promise<T>): Promise<T> => {
    const { host, port } = world.proxy(0);
    const client = await createConnection({ host, port, user, password, database: 'BigDB' });
    try {
      return await work(client);
    } finally {
      client.destroy();
    }
  };
  /** Forgets all statements but one of the org's. */
  const forget = async () => {
    await world.atProxy('SELECT 1 FROM stats_mysql_query_digest_reset');
    await as(own(), (client) => client.query('SELECT COUNT(*) FROM CallLogs WHERE OrgID = ?', [world.orgId]));
  };

  it('an org of which no proxy has seen a statement', () =>
    world.finds(
      { code: 'STATEMENTS_NOT_SEEN', severity: 'warn' },
      () => world.atProxy('SELECT 1 FROM stats_mysql_query_digest_reset'),
      forget,
    ));

  it('a queue worker that takes tasks whosever they are, until somebody declares what becomes of it', async () => {
    const { worker } = world.lab.accounts;
    const take = () =>
      as(worker, (client) => client.query("SELECT TaskID FROM CdrTasks WHERE Status = 'queued' LIMIT 10"));
    const [found] = await world.finds({ code: 'STATEMENT_WITHOUT_ORG', severity: 'refuse' }, take, forget);
    expect(found?.evidence).toMatchObject({
      user: worker.user,
      statement: 'SELECT TaskID FROM CdrTasks WHERE Status = ? LIMIT ?',
      tables: ['CdrTasks'],
      seen: { [world.proxy(0).name]: 1 },
    });
    for (const statement of [String(found?.evidence.statement), String(found?.evidence.digest)]) {
      const [declared] = await world.finds(
        { code: 'STATEMENT_WITHOUT_ORG', severity: 'warn' },
        take,
        forget,
        (config) => {
          config.catalogue.declared = [{ user: worker.user, statement, remedy: 'goes org by org since Monday' }];
        },
      );
      expect(declared?.evidence).toMatchObject({ declaredRemedy: 'goes org by org since Monday' });
    }
  });

  it('a job that asks for one org, and not as that org’s user', () =>
    world.finds(
      { code: 'STATEMENT_NOT_ROUTED', severity: 'refuse' },
      () =>
        as(world.lab.accounts.worker, (client) =>
          client.query('DELETE FROM CallLogs WHERE OrgID = ? AND CallLogID = 0', [world.orgId]),
        ),
      forget,
    ));

  it('a statement of the org’s that the cluster does not take; it is not run', async () => {
    const made = 'CREATE FUNCTION BigDB.twice(n INT) RETURNS INT DETERMINISTIC RETURN n * 2';
    const [found] = await world.finds(
      { code: 'STATEMENT_FAILS_AT_CLUSTER', severity: 'refuse' },
      async () => {
        await world.atSites(made, `GRANT EXECUTE ON BigDB.* TO '${own().user}'@'%'`);
        const delivered = 'UPDATE CallLogs SET DurationMs = BigDB.twice(DurationMs) WHERE OrgID = ? AND CallLogID = ?';
        await as(own(), (client) => client.query(delivered, [world.orgId, 0]));
      },
      async () => {
        await world.atSites('DROP FUNCTION BigDB.twice', `REVOKE EXECUTE ON BigDB.* FROM '${own().user}'@'%'`);
        await forget();
      },
    );
    expect(found?.evidence).toMatchObject({ errno: 1305, schema: 'BigDB' });
  });

  it('a statement that client libraries prepare is tried as it is, and its values are not shown', async () => {
    const { host, port } = world.proxy(0);
    const client = await createConnection({ host, port, ...own(), database: 'BigDB' });
    const secret = 'a customer’s name';
    try {
      await world.atCluster('ALTER TABLE BigDB.CallLogs DROP COLUMN Notes');
      await client.prepare(`SELECT Notes FROM CallLogs WHERE OrgID = ${world.orgId} AND Notes = '${secret}'`);
      const failing = (await world.fresh()).filter(({ code }) => code === 'STATEMENT_FAILS_AT_CLUSTER');
      expect(failing).toHaveLength(1);
      expect(failing[0]?.evidence).toMatchObject({ errno: 1054 });
      expect(JSON.stringify(failing)).not.toContain(secret);
    } finally {
      client.destroy();
      await world.atCluster(
        'ALTER TABLE BigDB.CallLogs ADD COLUMN Notes VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci NULL',
      );
    }
  });

  it('a form that its digest no longer tells is not proven, and no refusal', () =>
    world.finds(
      { code: 'STATEMENTS_NOT_PROVEN', severity: 'warn' },
      () =>
        as(own(), (client) =>
          client.query(`SELECT COUNT(*) FROM CallLogs WHERE OrgID = ? AND StartedAt > TIMESTAMP'2026-01-01 00:00:00'`, [
            world.orgId,
          ]),
        ),
      forget,
    ));

  it('a statement over a tech table and one of the org’s', () =>
    world.finds(
      { code: 'TECH_TABLE_JOINED', severity: 'refuse' },
      () =>
        as(own(), (client) =>
          client.query('SELECT t.Value FROM Toolbox t JOIN CallLogs c ON c.OrgID = ? LIMIT 1', [world.orgId]),
        ),
      forget,
    ));

  it('what the fence refuses is counted by user', async () => {
    const { worker } = world.lab.accounts;
    const site = world.lab.sites.sites[0]?.server;
    if (site === undefined) throw new Error('the lab has no site');
    const write = (writer: string) =>
      onServer(site, (connection) =>
        connection.query(`UPDATE bigdb_cutover.fence SET writer = '${writer}' WHERE org_id = ? AND place = ?`, [
          world.orgId,
          site.name,
        ]),
      );
    const remove = () =>
      as(worker, (client) => client.query('DELETE FROM CdrTasks WHERE OrgID = ? LIMIT 1', [world.orgId]));
    await write('nobody');
    try {
      await expect(remove()).rejects.toMatchObject({ errno: 1644 });
      await expect(remove()).rejects.toMatchObject({ errno: 1644 });
    } finally {
      await write('clients');
    }
    const refusals = await pollUntil('the refusals to be counted', async () => {
      const { refusals: counted } = await world.traffic(0);
      return counted.length > 0 ? counted : false;
    });
    expect(refusals).toEqual([{ side: 'source', homeRegion: null, user: worker.user, count: 2 }]);
  });

  it('so is what fails at a trigger that a site has read half only', async () => {
    const { worker } = world.lab.accounts;
    const fail = (text: string) =>
      as(worker, (client) => client.query(`SIGNAL SQLSTATE '42000' SET MYSQL_ERRNO = 1064, MESSAGE_TEXT = '${text}'`));
    await expect(fail('Unknown trigger has an error in its body: Query was empty')).rejects.toMatchObject({
      errno: 1064,
    });
    const counted = await pollUntil('the errors to be counted', async () => {
      const { triggerErrors } = await world.traffic(0);
      return triggerErrors.length > 0 ? triggerErrors : false;
    });
    expect(counted).toEqual([{ side: 'source', homeRegion: null, user: worker.user, count: 1 }]);
  });
});

describe('the org in a digest', () => {
  const tables = [{ schema: 'BigDB', table: 'CallLogs', orgColumn: 'OrgID' }];

  it.each([
    ['SELECT * FROM CallLogs WHERE OrgID = ?', true],
    ['SELECT * FROM BigDB.CallLogs c WHERE c.`OrgID`=? AND StartedAt < ?', true],
    ['UPDATE CallLogs SET Notes = ? WHERE OrgID IN (?)', true],
    ['INSERT INTO CallLogs (StartedAt,OrgID) VALUES (?,?)', true],
    ['INSERT INTO CallLogs (OrgID,Notes) SELECT OrgID,Notes FROM Tasks WHERE Status = ?', false],
    ['INSERT INTO CallLogs (OrgID,Notes) SELECT ?,Notes FROM CallLogs WHERE OrgID = ?', true],
    ['SELECT * FROM Other', true],
    ['SELECT OrgID FROM CallLogs WHERE StartedAt < ?', false],
    ['UPDATE CallLogs SET OrgID = ? WHERE CallLogID = ?', false],
    ['SELECT * FROM CallLogs WHERE OrgID IN (?,?)', false],
    ['SELECT * FROM CallLogs c JOIN Orgs o ON c.OrgID = o.OrgID', false],
    ['INSERT INTO CallLogs VALUES (?,?)', false],
    ['DELETE FROM CallLogs WHERE StartedAt < ? LIMIT ?', false],
  ])('%s', (digest, has) => expect(hasOrgPredicate(digest, tables)).toBe(has));

  it('is not asked for where an annotation may tell it, and one form is one finding whoever saw it', () => {
    const statement = (text: string) => ({
      user: 'app',
      schema: 'BigDB',
      digest: text,
      statement: text,
      shown: text,
      exact: false,
      count: 1,
    });
    const statements = ['SELECT * FROM CallLogs WHERE OrgID = ?', 'DELETE FROM CallLogs'].map(statement);
    const sent = ['p1', 'p2'].map((proxy) => ({ proxy, statements, perhapsAnnotated: true }));
    const found = judgeStrays(sent, { tables, declared: [] });
    expect(found.map(({ code, evidence }) => [code, evidence.seen])).toEqual([
      ['STATEMENT_WITHOUT_ORG', { p1: 1, p2: 1 }],
    ]);
  });
});
