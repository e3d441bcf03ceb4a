import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { pollUntil } from '../../infra/lab/databases/index.ts';
import { isPlainRead } from '../../src/adapters/proxysql/rules.ts';
import { errorOf, settled } from '../conformance/proxysql/bench.ts';
import { type RouteSteps, RoutingWorld } from './world.ts';

/** Statements that may go on at the serving side while the org's writes wait. */
const plain: readonly string[] = [
  'SELECT v FROM t',
  'select v from t where org = 42',
  '\n\tSELECT v\n  FROM t\n WHERE org = 42\n',
  '/* report 7 */ SELECT v FROM t',
  '/* a */ /* b */\n select v from t',
  'SELECT COUNT(*) FROM t WHERE v = (SELECT MAX(v) FROM t)',
  'SELECT id AS forupdate, v AS pinto FROM t',
];

/** Statements that write, lock, keep something, or carry a second statement. */
const others: readonly string[] = [
  "INSERT INTO t (org, v) VALUES (42, 'x')",
  "UPDATE t SET v = 'SELECT 1' WHERE org = 0",
  'DELETE FROM t WHERE org = 0',
  'SELECT v FROM t FOR UPDATE',
  'select v from t for update',
  'SELECT v FROM t\nFOR\n  UPDATE',
  'SELECT v FROM t LOCK IN SHARE MODE',
  'SELECT v FROM t FOR SHARE',
  "SELECT GET_LOCK('a', 0)",
  "select get_lock('a', 0)",
  "SELECT RELEASE_LOCK('a')",
  'SELECT RELEASE_ALL_LOCKS()',
  'SELECT v INTO @x FROM t LIMIT 1',
  "SELECT v FROM t INTO OUTFILE '/nonexistent/rows'",
  'SELECT @x := 1',
  "SELECT 1; INSERT INTO t (org, v) VALUES (42, 'second')",
  '/* SELECT */ DELETE FROM t WHERE org = 0',
  'WITH a AS (SELECT 1) SELECT * FROM a',
  'BEGIN',
  'CALL nothing()',
];

describe('a plain read, as the drain sees a statement', () => {
  it.each(plain)('%j is one', (statement) => expect(isPlainRead(statement)).toBe(true));
  it.each(others)('%j is none', (statement) => expect(isPlainRead(statement)).toBe(false));
});

describe('a plain read, as the proxy sees it in a hold', () => {
  let world: RoutingWorld;
  let route: RouteSteps;
  beforeAll(async () => {
    world = await RoutingWorld.start();
  });
  afterAll(() => world?.stop());
  beforeEach(async () => {
    await world.reset();
    route = await world.prepared('user');
    await route.hold('source');
  });

  it('goes on, in every spelling', async () => {
    const client = await world.client('user');
    for (const statement of plain) {
      await client.connection.query(statement);
      expect(await route.proxy.waiting(route.holdHostgroup), statement).toBe(0);
    }
  });

  it('is nothing else: all others wait until the release, then run where the org is', async () => {
    const open = await Promise.all(
      others.map(async (statement) => {
        const connection = await world.bench.client('org42', { multipleStatements: true });
        // Some of them are no valid statement for the server behind: that they waited is what counts.
        const answer = errorOf(connection.query(statement));
        return { statement, answer, answered: settled(answer) };
      }),
    );
    await pollUntil(
      `all to wait but ${open.filter(({ answered }) => answered()).map(({ statement }) => statement)}`,
      async () => (await route.proxy.waiting(route.holdHostgroup)) === others.length,
      { timeoutMs: 60_000 },
    );
    expect(open.filter(({ answered }) => answered()).map(({ statement }) => statement)).toEqual([]);
    await route.release('cluster');
    await Promise.all(open.map(({ answer }) => answer));
    expect(await world.stored('x')).toEqual({ source: 0, target: 1 });
    expect(await world.stored('second')).toEqual({ source: 0, target: 1 });
  });
});
