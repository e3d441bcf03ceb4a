import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SOURCE, TARGET } from '../conformance/proxysql/bench.ts';
import { homeRegion, RoutingWorld, routingBy } from './world.ts';

let world: RoutingWorld;
beforeAll(async () => {
  world = await RoutingWorld.start();
});
afterAll(() => world?.stop());
beforeEach(() => world.reset());

/** Runtime as discovery or a failover leaves it: other servers than memory has. */
async function discovered(hostgroup: number, port: number): Promise<void> {
  const { bench } = world;
  const [was] = await bench.admin(`SELECT port FROM mysql_servers WHERE hostgroup_id = ${hostgroup}`);
  await bench.admin(
    `UPDATE mysql_servers SET port = ${port} WHERE hostgroup_id = ${hostgroup}`,
    'LOAD MYSQL SERVERS TO RUNTIME',
    `UPDATE mysql_servers SET port = ${was?.port} WHERE hostgroup_id = ${hostgroup}`,
  );
}

describe('servers that discovery has changed since the hold began', () => {
  it('are the ones that what waits goes to', async () => {
    const { bench } = world;
    const route = await world.prepared('user');
    await route.hold('source');
    const writer = await world.client('user');
    const write = writer.write('waited');
    await route.untilWaiting(1);
    // The cluster's writer is another server now: here the one that stands for the source.
    await discovered(TARGET, bench.source.port);
    await route.release('cluster');
    await write;
    expect(await world.stored('waited')).toEqual({ source: 1, target: 0 });
    const held = await bench.admin(
      `SELECT port FROM runtime_mysql_servers WHERE hostgroup_id = ${route.holdHostgroup}`,
    );
    expect(held).toEqual([{ port: String(bench.source.port) }]);
  });
});

describe('the readers of a side', () => {
  it('are those of the runtime that are online; a side without a reader hostgroup has none', async () => {
    const { bench } = world;
    const [clusterReader, sourceReader] = [55, 56];
    await bench.copyServers(TARGET, clusterReader);
    await bench.copyServers(SOURCE, sourceReader);
    const proxy = world.adapter(
      routingBy('user', {
        source: { writerHostgroup: SOURCE, readerHostgroup: sourceReader },
        clusters: { [homeRegion]: { writerHostgroup: TARGET, readerHostgroup: clusterReader } },
      }),
    );
    const at = (port: number) => [{ host: '127.0.0.1', port }];
    expect(await proxy.readers('cluster', homeRegion)).toEqual(at(bench.target.port));
    expect(await proxy.readers('source', homeRegion)).toEqual(at(bench.source.port));
    await discovered(clusterReader, bench.source.port);
    expect(await proxy.readers('cluster', homeRegion)).toEqual(at(bench.source.port));
    await bench.admin(
      `UPDATE mysql_servers SET status = 'OFFLINE_SOFT' WHERE hostgroup_id = ${sourceReader}`,
      'LOAD MYSQL SERVERS TO RUNTIME',
    );
    expect(await proxy.readers('source', homeRegion)).toEqual([]);
    expect(await world.adapter(routingBy('user')).readers('cluster', homeRegion)).toEqual([]);
  });
});

describe('the destination of a side', () => {
  it('is every server that a statement could reach, for writes and for reads, also one that takes no more', async () => {
    const { bench } = world;
    const [writer, reader] = [57, 58];
    const proxy = world.adapter(
      routingBy('user', { clusters: { [homeRegion]: { writerHostgroup: writer, readerHostgroup: reader } } }),
    );
    const ports = async () => (await proxy.servers('cluster', homeRegion)).map(({ port }) => port).toSorted();
    expect(await ports()).toEqual([]);
    await bench.copyServers(SOURCE, writer);
    await bench.copyServers(SOURCE, reader);
    await discovered(writer, bench.source.port);
    await discovered(reader, bench.target.port);
    const both = [bench.source.port, bench.target.port].toSorted();
    expect(await ports()).toEqual(both);
    await bench.admin(
      `UPDATE mysql_servers SET status = 'OFFLINE_SOFT', port = ${bench.target.port} WHERE hostgroup_id = ${reader}`,
      'LOAD MYSQL SERVERS TO RUNTIME',
    );
    expect(await ports()).toEqual(both);
  });
});
