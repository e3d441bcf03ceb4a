import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { pollUntil } from '../../infra/lab/databases/index.ts';
import type { OrgTable } from '../../src/ports/place.ts';
import { judgeAttribution } from '../../src/preflight/attribution.ts';
import { errorOf, SOURCE } from '../conformance/proxysql/bench.ts';
import { type By, homeRegion, RoutingWorld, routingBy } from './world.ts';

const tables: readonly OrgTable[] = [{ schema: 'BigDB', table: 't', orgColumn: 'org' }];

describe('a look at the clients of a proxy', () => {
  let world: RoutingWorld;
  beforeAll(async () => {
    world = await RoutingWorld.start();
  });
  afterAll(() => world?.stop());
  beforeEach(() => world.reset());

  it('shows what runs and what is prepared, without values, and whether it names an org at its beginning', async () => {
    const { bench } = world;
    const proxy = world.adapter(routingBy('comment'));
    const client = await bench.client('shared');
    await client.prepare("/* OrgID=42 */ INSERT INTO t (org, v) VALUES (?, 'secret')");
    await client.prepare('DELETE FROM t WHERE v = ?');
    await client.query('BEGIN');
    await client.query('COMMIT');
    const lock = await bench.direct(bench.source);
    await lock.query('LOCK TABLES BigDB.t WRITE');
    const writer = await bench.client('shared');
    const waiting = writer.query("UPDATE t SET v = '/* OrgID=42 */' WHERE org = 4711");
    const look = await pollUntil('the write that waits', async () => {
      const found = await proxy.lookAtStatements();
      return found !== null && found.length >= 3 ? found : undefined;
    });
    await lock.query('UNLOCK TABLES');
    await waiting;
    expect(look.toSorted((a, b) => (a.statement < b.statement ? -1 : 1))).toEqual([
      { user: 'shared', statement: '/* OrgID=? */ INSERT INTO t (org, v) VALUES (?, ?)', annotated: true },
      { user: 'shared', statement: 'DELETE FROM t WHERE v = ?', annotated: false },
      { user: 'shared', statement: 'UPDATE t SET v = ? WHERE org = ?', annotated: false },
    ]);
    const begun = await proxy.transactionsBegun();
    expect(begun.get('shared')).toBeGreaterThan(0);
    expect(
      judgeAttribution('proxy', look, begun, tables).map(({ severity, evidence }) => [severity, evidence.kind]),
    ).toEqual([
      ['warn', 'write'],
      ['warn', 'begin'],
    ]);
  });

  it('is for users of the source only, and for comments only', async () => {
    const { bench } = world;
    await bench.admin(
      "UPDATE mysql_users SET default_hostgroup = 77 WHERE username = 'org4'",
      'LOAD MYSQL USERS TO RUNTIME',
    );
    await bench.copyServers(SOURCE, 77);
    const [stranger, user] = [await bench.client('org4'), await bench.client('shared')];
    await stranger.prepare('DELETE FROM t WHERE v = ?');
    await user.prepare('DELETE FROM t WHERE id = ?');
    const look = await world.adapter(routingBy('comment')).lookAtStatements();
    expect(look?.map(({ user }) => user)).toEqual(['shared']);
    await bench.removeServers(77);
    for (const by of ['user', 'schema'] as const) {
      expect(await world.adapter(routingBy(by)).lookAtStatements()).toBeNull();
    }
  });
});

describe('errors of clients', () => {
  let world: RoutingWorld;
  beforeAll(async () => {
    world = await RoutingWorld.start();
    await world.reset();
  });
  afterAll(() => world?.stop());

  it('are the org’s own by user and schema, and by comment those of its cluster, whoever met them', async () => {
    const org = { orgId: 42, homeRegion };
    const other = { orgId: 4, homeRegion };
    const failing = async (by: By, orgId: number, times: number) => {
      const client = await world.client(by, orgId);
      for (let time = 0; time < times; time++) {
        expect(await errorOf(client.connection.query(client.sql('SELECT nothing_there')))).toMatchObject({
          errno: 1054,
        });
      }
    };
    const route = await world.prepared('comment');
    await route.hold('source');
    await route.release('cluster');
    await failing('comment', 42, 3);
    await failing('comment', 4, 2);
    await failing('user', 42, 5);
    const byComment = await world.adapter(routingBy('comment')).clientErrors();
    expect([byComment(org), byComment(other)]).toEqual([3, 3]);
    const byUser = await world.adapter(routingBy('user')).clientErrors();
    expect([byUser(org), byUser(other)]).toEqual([5, 0]);
  });
});

describe('what is not annotated', () => {
  const judge = (statements: readonly [string, boolean][], begun: readonly [string, number][] = []) => {
    const met = statements.map(([statement, annotated]) => ({ user: 'app', statement, annotated }));
    return judgeAttribution('px1', met, new Map(begun), tables).map(({ code, severity, evidence }) => [
      code,
      severity,
      evidence.kind,
    ]);
  };
  const code = 'STATEMENTS_NOT_ATTRIBUTED';

  it('is refused where no write of a user names an org, and warned of where some do not', () => {
    expect(judge([['INSERT INTO t VALUES (?)', false]])).toEqual([[code, 'refuse', 'write']]);
    expect(
      judge([
        ['INSERT INTO t VALUES (?)', false],
        ['UPDATE BigDB.T SET v = ?', true],
      ]),
    ).toEqual([[code, 'warn', 'write']]);
    expect(judge([['/* OrgID=? */ INSERT INTO `t` VALUES (?)', true]])).toEqual([]);
  });

  it('is warned of where it reads: the rows that the org left behind', () => {
    expect(judge([['SELECT v FROM t', false]])).toEqual([[code, 'warn', 'read']]);
    expect(judge([['SELECT v FROM t FOR UPDATE', false]])).toEqual([[code, 'refuse', 'write']]);
  });

  it('does not matter on tables that no org owns, nor where a transaction ends', () => {
    expect(
      judge([
        ['INSERT INTO Toolbox.tools VALUES (?)', false],
        ['COMMIT', false],
      ]),
    ).toEqual([]);
  });

  it('is warned of where transactions are begun and none was met that names an org', () => {
    expect(judge([], [['app', 12]])).toEqual([[code, 'warn', 'begin']]);
    expect(judge([['BEGIN', false]], [['app', 12]])).toEqual([[code, 'warn', 'begin']]);
    expect(judge([['/* OrgID=? */ BEGIN', true]], [['app', 12]])).toEqual([]);
  });

  it('is not known where nothing was met', () => {
    expect(judge([])).toEqual([['STATEMENTS_NOT_SEEN', 'warn', undefined]]);
  });
});
