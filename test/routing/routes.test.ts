import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SOURCE, settled, TARGET } from '../conformance/proxysql/bench.ts';
import { homeRegion, RoutingWorld, routingBy } from './world.ts';

let world: RoutingWorld;
beforeAll(async () => {
  world = await RoutingWorld.start();
});
afterAll(() => world?.stop());
beforeEach(() => world.reset());

describe.each(['user', 'schema', 'comment'] as const)('the route of an org told apart by %s', (by) => {
  it('holds writes while plain reads go on, parks reads too, and lets all through to the cluster', async () => {
    const route = await world.prepared(by);
    const [reader, writer, other] = [await world.client(by), await world.client(by), await world.client(by, 4)];
    expect(await reader.side()).toBe('source');
    await route.hold('source');
    const write = writer.write('waited');
    const written = settled(write);
    await route.untilWaiting(1);
    expect(await reader.side()).toBe('source');
    await other.write('of another org');

    await route.park('source');
    const read = reader.side();
    const answered = settled(read);
    await route.untilWaiting(2);
    expect([written(), answered()]).toEqual([false, false]);
    expect(await other.side()).toBe('source');

    await route.release('cluster');
    await write;
    expect(await read).toBe('target');
    expect(await world.stored('waited')).toEqual({ source: 0, target: 1 });
    expect(await world.stored('of another org')).toEqual({ source: 1, target: 0 });
    const late = await world.client(by);
    await late.write('late');
    expect(await late.side()).toBe('target');
    expect(await world.stored('late')).toEqual({ source: 0, target: 1 });
    expect(await other.side()).toBe('source');
  });

  it('goes back to the source when the attempt is aborted, with what waited, and leaves no rule running', async () => {
    const route = await world.prepared(by);
    const [reader, writer] = [await world.client(by), await world.client(by)];
    await route.hold('source');
    const write = writer.write('waited');
    await route.untilWaiting(1);
    await route.park('source');
    const read = reader.side();
    await route.untilWaiting(2);
    await route.release('source');
    await write;
    expect(await read).toBe('source');
    expect(await world.stored('waited')).toEqual({ source: 1, target: 0 });
    expect(await world.runtimeRules()).toEqual([]);
    // The tombstone stays, so that an older command finds a comment that is not its own.
    expect(await route.proxy.readRoute(route.owner)).toMatchObject({
      comment: route.comment,
      route: { kind: 'source' },
    });
  });

  it('takes the org back from the cluster by the same steps, and leaves it there when the way back is aborted', async () => {
    const forward = await world.prepared(by);
    await forward.to('release', { kind: 'cluster' });
    const [reader, writer, other] = [await world.client(by), await world.client(by), await world.client(by, 4)];

    const aborted = await world.prepared(by, { attempt: 2 });
    await aborted.hold('cluster');
    const first = writer.write('first');
    await aborted.untilWaiting(1);
    expect(await reader.side()).toBe('target');
    expect(await other.side()).toBe('source');
    await aborted.release('cluster');
    await first;
    expect(await world.stored('first')).toEqual({ source: 0, target: 1 });

    const back = await world.prepared(by, { attempt: 3 });
    await back.hold('cluster');
    const second = writer.write('second');
    await back.untilWaiting(1);
    await back.park('cluster');
    const read = reader.side();
    await back.untilWaiting(2);
    await back.release('source');
    await second;
    expect(await read).toBe('source');
    expect(await world.stored('second')).toEqual({ source: 1, target: 0 });
    expect(await (await world.client(by)).side()).toBe('source');
  });
});

describe('the rules that were there before', () => {
  it('keep a read/write split and tech tables while an org is held, and lead to the cluster’s reader behind the flip', async () => {
    const { bench } = world;
    // The readers stand on the other side's server, so that an answer tells which hostgroup gave it.
    const [sourceReader, clusterReader] = [SOURCE + 100, TARGET + 100];
    await bench.copyServers(TARGET, sourceReader);
    await bench.copyServers(SOURCE, clusterReader);
    await bench.addRule({ rule_id: 100, match_digest: '\\btools\\b', destination_hostgroup: SOURCE });
    await bench.addRule({ rule_id: 900_000, match_digest: '^SELECT ', destination_hostgroup: sourceReader });
    await bench.admin('LOAD MYSQL QUERY RULES TO RUNTIME');
    const before = await world.runtimeRules();
    for (const server of [bench.source, bench.target]) {
      const connection = await bench.direct(server);
      await connection.query('CREATE TABLE IF NOT EXISTS BigDB.tools (v VARCHAR(20))');
    }
    const routing = routingBy('user', {
      source: { writerHostgroup: SOURCE, readerHostgroup: sourceReader },
      clusters: { [homeRegion]: { writerHostgroup: TARGET, readerHostgroup: clusterReader } },
    });
    const route = await world.prepared('user', {}, routing);
    const [reader, writer] = [await world.client('user'), await world.client('user')];
    expect(await reader.side()).toBe('target');
    await route.hold('source');
    expect(await reader.side()).toBe('target');
    const write = writer.write('waited');
    await route.untilWaiting(1);
    await reader.connection.query("INSERT INTO tools VALUES ('in the hold')");
    await route.release('cluster');
    await write;
    expect(await world.stored('waited')).toEqual({ source: 0, target: 1 });
    expect(await reader.side()).toBe('source');
    expect(
      (await world.runtimeRules()).filter(({ rule_id }) => before.some((rule) => rule.rule_id === rule_id)),
    ).toEqual(before);
  });

  it('an annotation inside a value routes nobody: only the start of a statement counts', async () => {
    const route = await world.prepared('comment');
    await route.hold('source');
    const shared = await world.bench.client('shared');
    await shared.query("INSERT INTO t (org, v) VALUES (4, '/* OrgID=42 */ quoted')");
    expect(await world.stored('/* OrgID=42 */ quoted')).toEqual({ source: 1, target: 0 });
    const indented = shared.query("\n  /* OrgID=42 */ INSERT INTO t (org, v) VALUES (42, 'indented')");
    await route.untilWaiting(1);
    await route.release('cluster');
    await indented;
    expect(await world.stored('indented')).toEqual({ source: 0, target: 1 });
  });
});
