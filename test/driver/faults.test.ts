import { afterAll, beforeAll, expect, test } from 'vitest';
import { pollUntil } from '../../infra/lab/databases/index.ts';
import type { EffectName } from '../../statecharts/effects.ts';
import { savedJournals } from '../statecharts/journals.ts';
import { type StoreServer, startStoreServer } from '../store/world.ts';
import { allWell, Script } from './script.ts';
import { controller, journalIn, messages, plan, rowOf, running } from './world.ts';

let server: StoreServer;
beforeAll(async () => {
  server = await startStoreServer('mariadb');
});
afterAll(() => server.close());

test('the store is away in every state: what ends meanwhile waits, is written once, and everything goes on', async () => {
  const { store } = await server.newStore();
  const saved = [...(await savedJournals(1)).values()].filter(({ next }) => next.length > 0);
  for (const [orgId, { state, journal }] of saved.entries()) {
    await store.create({
      id: `m-${orgId}`,
      orgId,
      homeRegion: 'eu-west-2',
      state,
      atMs: Date.now(),
      journal: {
        ...journal,
        context: { ...journal.context, migrationId: `m-${orgId}`, orgId },
        asked: journal.asked as EffectName[],
        deadlines: {},
      } as never,
      timeline: [],
    });
  }
  const script = new Script();
  const a = controller('a', store, script);
  await a.driver.start();
  const withWork = saved.filter(({ state, journal }) => journal.asked.length > 0 || state.endsWith('.hold'));
  await pollUntil('all to be taken up', async () => {
    const orgs = new Set(script.open().map(({ run }) => run.migration.orgId));
    return orgs.size === withWork.length;
  });
  await server.server.stop();
  const ended = script.open().filter(({ effect }) => !['lag.watch', 'soak.watch'].includes(effect));
  for (const call of ended) call.finish();
  const waiting = () =>
    ended.filter(({ run }) => a.driver.runner(run.migration.migrationId)?.waitsFor?.startsWith('the store:'));
  // Those of a hold go on in memory.
  await pollUntil('the others to wait for the store', async () => {
    const journalled = ended.filter(({ effect }) => effect !== 'flip.decide');
    return journalled.every((call) => waiting().includes(call));
  });
  await server.server.restart();
  for (const { effect, run } of ended) {
    if (effect === 'flip.decide') continue;
    const { migrationId } = run.migration;
    await pollUntil(`${effect} of ${migrationId} to be written`, async () =>
      (await messages(store, migrationId)).some((message) => message.startsWith(`${effect}.done`)),
    );
    const told = (await messages(store, migrationId)).filter((message) => message === `${effect}.done`);
    expect(told).toEqual([`${effect}.done`]);
    expect((await rowOf(store, migrationId)).owner).toBe('a');
  }
  for (const { effect } of script.open()) script.answer(effect, allWell()[effect] as never);
  await a.stop();
  expect(script.open()).toEqual([]);
});

test('the store is full: the step waits and says why, nothing is lost, and it goes on when there is room', async () => {
  // One file that may not grow, for everything: what does not fit is refused, as on a full disk.
  const small = await startStoreServer('mariadb', {
    'innodb-data-file-path': 'ibdata1:12M:autoextend:max:24M',
    'innodb-file-per-table': 'OFF',
  });
  try {
    const { store, sql } = await small.newStore();
    const id = await plan(store, 42);
    const script = new Script(allWell(['replication.fullLoad']));
    const a = controller('a', store, script);
    await a.driver.start();
    await a.driver.command(id, 'start', 'ann', undefined);
    const load = await running(script, 'replication.fullLoad');
    await sql('CREATE TABLE filler (id INT AUTO_INCREMENT PRIMARY KEY, text VARBINARY(4000) NOT NULL)');
    const fillWith = async (rows: number) => {
      for (;;) {
        const insert = `INSERT INTO filler (text) SELECT REPEAT('x', 4000) FROM seq_1_to_${rows}`;
        const error = await sql(insert).then(
          () => null,
          (reason: unknown) => reason as { errno?: number },
        );
        if (error !== null) return error.errno;
      }
    };
    for (const rows of [500, 20, 1]) expect(await fillWith(rows)).toBe(1114);
    // The timeline still has some pages of its own.
    const runner = a.driver.runner(id);
    const waits = () => runner?.waitsFor?.includes('is full') === true;
    let given = 0;
    let written = 0;
    while (!waits()) {
      const command = given % 2 === 0 ? 'pause' : 'resume';
      given += 1;
      void a.driver.command(id, command, 'ann', 'x'.repeat(7_000)).then(() => {
        written += 1;
      });
      await pollUntil('the command to be written, or to wait', async () => written === given || waits());
    }
    expect(await rowOf(store, id)).toMatchObject({ owner: 'a', state: 'replicating.fullLoad' });
    await sql('DROP TABLE filler');
    await pollUntil('the command to be written', async () => written === given);
    const told = (await messages(store, id)).filter((message) => / by ann$/.test(message));
    expect(told).toHaveLength(1 + given);
    load.finish();
    await journalIn({ store }, id, given % 2 === 0 ? 'completed' : 'paused');
    await a.stop();
  } finally {
    await small.close();
  }
});

test('the table of leases is emptied by hand: nobody loses an org, and its status says what was wrong', async () => {
  const { store, another, sql } = await server.newStore();
  const id = await plan(store, 42);
  const script = new Script(allWell(['replication.fullLoad']));
  const a = controller('a', store, script);
  const b = controller('b', another(), script);
  await a.driver.start();
  await b.driver.start();
  await (a.driver.runner(id) === undefined ? b : a).driver.command(id, 'start', 'ann', undefined);
  const load = await running(script, 'replication.fullLoad');
  const { owner, epoch } = await rowOf(store, id);
  const owning = owner === 'a' ? a : b;
  // Whoever looks first writes a lease anew, the other one too; the owner tells where it was the first.
  await pollUntil('the status to tell', async () => {
    await sql('DELETE FROM controllers');
    await pollUntil('both leases to be there again', async () => (await sql('SELECT * FROM controllers')).length === 2);
    return owning.driver.runner(id)?.notice?.includes('lease');
  });
  await pollUntil('the timeline to tell', async () =>
    (await messages(store, id)).some((message) => message.includes('lease of its controller was missing')),
  );
  expect(await rowOf(store, id)).toMatchObject({ owner, epoch });
  expect(load.run.signal.aborted).toBe(false);
  load.finish();
  await journalIn({ store }, id, 'completed');
  await Promise.all([a.stop(), b.stop()]);
});
