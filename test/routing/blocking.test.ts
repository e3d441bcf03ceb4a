import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { pollUntil } from '../../infra/lab/databases/index.ts';
import type { BlockingSession, OpenTransactions, Side } from '../../src/ports/routing.ts';
import { errorOf, SOURCE } from '../conformance/proxysql/bench.ts';
import { type By, type RouteSteps, RoutingWorld } from './world.ts';

let world: RoutingWorld;
beforeAll(async () => {
  world = await RoutingWorld.start();
});
afterAll(() => world?.stop());
beforeEach(() => world.reset());

/** One look, as the first one behind the hold. */
const blocking = async (route: RouteSteps, side: Side = 'source') =>
  (await route.proxy.blockingSessions(route.owner, side, null)).blocking;

const reasons = (sessions: readonly BlockingSession[]) => sessions.map(({ because }) => because);

const untilBlocking = (route: RouteSteps, what: string, statement = ''): Promise<BlockingSession> =>
  pollUntil(
    `a session that blocks by ${what}`,
    async () => (await blocking(route)).find((one) => one.because === what && one.statement.includes(statement)),
    { timeoutMs: 60_000, everyMs: 5 },
  );

const atRest = (route: RouteSteps) =>
  pollUntil('the org to be at rest', async () => (await blocking(route)).length === 0, {
    timeoutMs: 60_000,
    everyMs: 5,
  });

describe.each(['user', 'schema', 'comment'] as const)('what keeps a drain from ending, orgs told apart by %s', (by) => {
  it('an open transaction, until it ends; nothing of it that a report may not show', async () => {
    const route = await world.prepared(by);
    const client = await world.client(by);
    await client.side();
    expect(await blocking(route)).toEqual([]);
    await client.connection.query(client.sql('BEGIN'));
    await client.write('secret');
    const session = await untilBlocking(route, 'transaction');
    expect(session).toMatchObject({
      proxy: 'proxy',
      user: by === 'user' ? 'org42' : 'shared',
      client: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
    });
    expect(JSON.stringify(session)).not.toContain('secret');
    expect(await blocking(route, 'cluster')).toEqual([]);
    await client.connection.query('COMMIT');
    await atRest(route);
  });

  it('a statement that runs, until it has ended, and no plain read', async () => {
    const route = await world.prepared(by);
    const [writer, reader] = [await world.client(by), await world.client(by)];
    const read = reader.connection.query(reader.sql('SELECT SLEEP(0.6)'));
    await world.untilAt(world.bench.source, 'the read', "INFO LIKE '%SLEEP(0.6)%'");

    expect(await blocking(route)).toEqual([]);
    const write = writer.connection.query(
      writer.sql("INSERT INTO t (org, v) SELECT 42, 'slow' FROM (SELECT SLEEP(0.3)) pause"),
    );
    const session = await untilBlocking(route, 'statement', 'INSERT INTO t');
    expect(session.statement).not.toContain('slow');
    await write;
    await atRest(route);
    await read;
  });

  it('nothing that waits in the hold', async () => {
    const route = await world.prepared(by);
    await route.hold('source');
    const client = await world.client(by);
    const write = client.write('waited');
    await route.untilWaiting(1);
    expect(await blocking(route)).toEqual([]);
    await route.release('source');
    await write;
  });
});

describe('what keeps a drain from ending and is easily overlooked', () => {
  const held: readonly (readonly [why: string, how: string, end: string])[] = [
    ['get_lock', "SELECT GET_LOCK('a', 1)", "SELECT RELEASE_LOCK('a')"],
    ['temporary_table', 'CREATE TEMPORARY TABLE scratch (a INT)', 'DROP TEMPORARY TABLE scratch'],
    ['lock_tables', 'LOCK TABLES t WRITE', 'UNLOCK TABLES'],
    ['locked', 'SET @x = 1', ''],
  ];
  it.each(held)('%s: %s', async (why, how, end) => {
    const route = await world.prepared('user');
    const client = await world.client('user');
    await client.connection.query(how);
    await untilBlocking(route, why);
    if (end !== '') await client.connection.query(end);
    // What ProxySQL never forgets ends with its session.
    await client.connection.end();
    await atRest(route);
  });

  it('by comment, a transaction that began before the hold and has been idle ever since', async () => {
    const route = await world.prepared('comment');
    const shared = await world.bench.client('shared');
    await shared.query('BEGIN');
    await shared.query("INSERT INTO t (org, v) VALUES (4, 'whose is it')");
    await route.hold('source');
    const look = async (before: OpenTransactions | null) => {
      const { blocking, openSinceHold } = await route.proxy.blockingSessions(route.owner, 'source', before);
      expect(reasons(blocking)).toEqual(['transaction']);
      return openSinceHold;
    };
    let open = await look(null);
    const heldAtMs = performance.now();
    await pollUntil('some time to pass in the hold', async () => {
      open = await look(open);
      return performance.now() - heldAtMs > 600;
    });
    await shared.query('COMMIT');
    expect((await route.proxy.blockingSessions(route.owner, 'source', open)).blocking).toEqual([]);
    await route.release('source');
  });

  it.each(['user', 'comment'] as const)('a write that runs since before the hold, by %s', async (by) => {
    const route = await world.prepared(by);
    const writer = await world.client(by);
    const write = writer.connection.query(
      writer.sql("INSERT INTO t (org, v) SELECT 42, 'slow' FROM (SELECT SLEEP(0.5)) pause"),
    );
    await world.untilAt(world.bench.source, 'the write', "INFO LIKE '%SLEEP(0.5)%'");
    await route.hold('source');
    const first = await route.proxy.blockingSessions(route.owner, 'source', null);
    expect(reasons(first.blocking)).toEqual(['statement']);
    const second = await route.proxy.blockingSessions(route.owner, 'source', first.openSinceHold);
    expect(reasons(second.blocking)).toEqual(['statement']);
    await write;
    await atRest(route);
  });

  it.each(held)('by comment such a session may be anybody’s: %s', async (why, how) => {
    const route = await world.prepared('comment');
    const shared = await world.bench.client('shared');
    await shared.query(how);
    await untilBlocking(route, why);
  });

  it.each([
    'user',
    'comment',
  ] as const)('a write that waits for a backend connection: no server knows of it, and it runs later (by %s)', async (by) => {
    const { bench } = world;
    await bench.admin(
      `UPDATE mysql_servers SET max_connections = 1 WHERE hostgroup_id = ${SOURCE}`,
      'LOAD MYSQL SERVERS TO RUNTIME',
    );
    const other = await bench.client('org4');
    await other.query('BEGIN');
    await other.query("INSERT INTO t (org, v) VALUES (4, 'has the only connection')");
    const route = await world.prepared(by);
    const client = await world.client(by);
    const write = client.write('queued before the hold');
    const user = by === 'user' ? 'org42' : 'shared';
    await bench.waitForProcess('the write to wait', (row) => row.user === user && row.command === 'Connect');
    await route.hold('source');
    expect(await untilBlocking(route, 'statement')).toMatchObject({ user });
    await other.query('COMMIT');
    // ProxySQL keeps a connection for a while behind an insert with AUTO_INCREMENT.
    await other.end();
    await write;
    await atRest(route);
    expect(await world.stored('queued before the hold')).toEqual({ source: 1, target: 0 });
  });

  it('`SELECT …; INSERT …` in one packet', async () => {
    const route = await world.prepared('user');
    const connection = await world.bench.client('org42', { multipleStatements: true });
    const both = connection.query("SELECT SLEEP(0.3); INSERT INTO t (org, v) VALUES (42, 'second')");
    await untilBlocking(route, 'statement');
    await both;
    await atRest(route);
    expect(await world.stored('second')).toEqual({ source: 1, target: 0 });
  });

  it('a locking read in a transaction that began as a read', async () => {
    const route = await world.prepared('user');
    const client = await world.client('user');
    await client.connection.query('START TRANSACTION READ ONLY');
    await client.side();
    await untilBlocking(route, 'transaction');
    await client.connection.query('ROLLBACK');
    await atRest(route);
  });
});

describe('what does not keep a drain from ending', () => {
  it('other orgs’ transactions and locks, by user and by schema', async () => {
    for (const by of ['user', 'schema'] as const satisfies readonly By[]) {
      const route = await world.prepared(by);
      const other = await world.client(by, 4);
      await other.connection.query('BEGIN');
      await other.write('of another org');
      await other.connection.query("SELECT GET_LOCK('theirs', 1)");
      expect(await blocking(route)).toEqual([]);
      await other.connection.query('ROLLBACK');
    }
  });

  it('by comment, a transaction that began after the hold: the org’s own annotation would have made it wait', async () => {
    const route = await world.prepared('comment');
    await route.hold('source');
    const { openSinceHold } = await route.proxy.blockingSessions(route.owner, 'source', null);
    const other = await world.client('comment', 4);
    await other.connection.query(other.sql('BEGIN'));
    await other.write('of another org');
    expect((await route.proxy.blockingSessions(route.owner, 'source', openSinceHold)).blocking).toEqual([]);
    // Had it been open at the hold, it could be anybody's.
    expect(reasons(await blocking(route))).toEqual(['transaction']);
    await other.connection.query('ROLLBACK');
    await route.release('source');
  });

  it('sessions that have transactions open on the other side only', async () => {
    const route = await world.prepared('user');
    await route.to('release', { kind: 'cluster' });
    const client = await world.client('user');
    await client.connection.query('BEGIN');
    await client.write('on the cluster');
    expect(await blocking(route, 'source')).toEqual([]);
    expect(reasons(await blocking(route, 'cluster'))).toEqual(['transaction']);
    expect(await errorOf(client.connection.query('ROLLBACK'))).toBeUndefined();
  });
});
