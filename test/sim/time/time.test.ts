import { describe, expect, it } from 'vitest';
import { ConnectionLost } from '../net/link.ts';
import { Network } from '../net/network.ts';
import { SimProcess } from './process.ts';
import { Random } from './random.ts';
import { Scheduler } from './scheduler.ts';

/** Runs until nothing is left to happen. */
async function runOut(scheduler: Scheduler): Promise<void> {
  while (await scheduler.step());
}

function pairOf(seed: number) {
  const scheduler = new Scheduler();
  const network = new Network(scheduler, new Random(seed), () => {});
  return {
    scheduler,
    network,
    client: new SimProcess('client', scheduler),
    server: new SimProcess('server', scheduler),
  };
}

describe('chances of a run', () => {
  it('repeat with the seed, and differ without it', () => {
    const draw = (seed: number) => {
      const random = new Random(seed);
      return Array.from({ length: 50 }, () => random.integer(0, 1_000));
    };
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
  });
});

describe('virtual time', () => {
  it('brings things in the order of their times, and of asking at the same time', async () => {
    const scheduler = new Scheduler();
    const random = new Random(1);
    const told: { atMs: number; order: number }[] = [];
    for (let order = 0; order < 500; order++) {
      const atMs = random.integer(0, 50);
      scheduler.after(atMs, () => told.push({ atMs, order }));
    }
    await runOut(scheduler);
    expect(told).toEqual([...told].sort((a, b) => a.atMs - b.atMs || a.order - b.order));
    expect(told).toHaveLength(500);
  });

  it('lets promises go on to their next wait before the next thing happens', async () => {
    const scheduler = new Scheduler();
    const told: string[] = [];
    void (async () => {
      await scheduler.sleep(1);
      for (let turn = 0; turn < 20; turn++) await null;
      told.push('went on');
    })();
    scheduler.after(1, () => told.push('next'));
    await runOut(scheduler);
    expect(told).toEqual(['went on', 'next']);
  });

  it('gives a dead process nothing, and a stopped one everything when it goes on', async () => {
    const { scheduler, client, server } = pairOf(1);
    const told: string[] = [];
    client.clock.after(5, () => told.push('client'));
    void server.clock.sleep(5).then(() => told.push('server'));
    client.stop();
    server.kill();
    await runOut(scheduler);
    expect(told).toEqual([]);
    client.continue();
    await runOut(scheduler);
    expect(told).toEqual(['client']);
  });
});

describe('a connection', () => {
  it('carries out requests in their order, and answers', async () => {
    const { scheduler, network, client, server } = pairOf(3);
    const done: number[] = [];
    const all = network
      .connect(client, () => server)
      .then((link) => Promise.all([1, 2, 3, 4].map((number) => link.request(() => done.push(number)))));
    await runOut(scheduler);
    expect(await all).toEqual([1, 2, 3, 4]);
    expect(done).toEqual([1, 2, 3, 4]);
  });

  it('delivers what was sent into a partition when that ends, also after its sender gave up', async () => {
    const { scheduler, network, client, server } = pairOf(4);
    const done: string[] = [];
    const opened = network.connect(client, () => server);
    await runOut(scheduler);
    const link = await opened;
    link.onClosed(() => done.push('closed'));
    network.cut('client', 'server');
    void link.request(() => done.push('late'));
    link.close();
    await runOut(scheduler);
    expect(done).toEqual([]);
    network.heal('client', 'server');
    await runOut(scheduler);
    expect(done.sort()).toEqual(['closed', 'late'].sort());
  });

  it('tells the client that a server died, and refuses the next', async () => {
    const { scheduler, network, client, server } = pairOf(5);
    const opened = network.connect(client, () => server);
    await runOut(scheduler);
    const asked = (await opened).request(() => new Promise(() => {}));
    const failure = asked.catch((error: unknown) => error);
    await scheduler.step();
    server.kill();
    await runOut(scheduler);
    expect(await failure).toBeInstanceOf(ConnectionLost);
    const refused = network.connect(client, () => server).catch((error: unknown) => error);
    await runOut(scheduler);
    expect(await refused).toMatchObject({ code: 'ECONNREFUSED' });
  });
});
