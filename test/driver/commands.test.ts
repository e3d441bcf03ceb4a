import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pollUntil } from '../../infra/lab/databases/index.ts';
import { StoreUnavailableError } from '../../src/errors/index.ts';
import { rejection, type StoreServer, startStoreServer } from '../store/world.ts';
import { allWell, Script } from './script.ts';
import { controller, freezable, journalIn, losingAnswerOf, messages, plan, rowOf, running } from './world.ts';

let server: StoreServer;
beforeAll(async () => {
  server = await startStoreServer('mariadb');
});
afterAll(() => server.close());

/** A migration in the middle of its first hold, at a controller that can be frozen; nothing of the hold is journalled. */
async function inHold(given: Parameters<typeof plan>[2] = {}) {
  const { store, another, sql } = await server.newStore();
  const id = await plan(store, 42, { flipTries: 1, ...given });
  const script = new Script(allWell(['flip.marker', 'flip.abort', 'flip.decide', 'flip.release', 'clean.up']));
  const process = freezable(store);
  const a = controller('a', process.store, script);
  await a.driver.start();
  await a.driver.command(id, 'start', 'ann', undefined);
  await running(script, 'flip.marker', 'a');
  expect((await rowOf(store, id)).state).toBe('flipping.hold');
  return { store, another, sql, id, script, process, a };
}

const inbox = async (sql: Awaited<ReturnType<typeof inHold>>['sql']) =>
  (await sql('SELECT command FROM inbox ORDER BY id')).map(({ command }) => command);

describe('a command that was given in a hold', () => {
  test.each([
    { command: 'pause', last: 'paused' },
    { command: 'rollback', last: 'rolledBack' },
    { command: 'cancel', last: 'cancelled' },
  ] as const)('$command outlives its controller: the next one ends in $last', async ({ command, last }) => {
    const { store, another, sql, id, script, process, a } = await inHold();
    await a.driver.command(id, command, 'ann', 'because');
    expect(await inbox(sql)).toEqual([command]);
    process.freeze();
    const b = controller('b', another(), script);
    await b.driver.start();
    (await running(script, 'flip.decide', 'b')).finish({ decision: 'abort' });
    (await running(script, 'flip.abort', 'b')).finish();
    if (last !== 'paused') (await running(script, 'clean.up', 'b')).finish();
    await journalIn({ store }, id, last);
    await pollUntil('the inbox to be empty', async () => (await inbox(sql)).length === 0);
    const told = (await messages(store, id)).filter((message) => message === `${command} by ann`);
    expect(told).toHaveLength(1);
    process.goOn();
    await Promise.all([a.stop(), b.stop()]);
  });

  test('is carried out once where its controller lives, and leaves the inbox with the step that holds its effect', async () => {
    const { store, sql, id, script, a } = await inHold();
    await a.driver.command(id, 'pause', 'ann', undefined);
    expect(a.driver.runner(id)?.context.pauseRequested).toBe(true);
    // Rounds of the driver find it in the inbox meanwhile.
    await a.driver.claimNow();
    await a.driver.claimNow();
    expect(await inbox(sql)).toEqual(['pause']);
    (await running(script, 'flip.marker')).fail(new Error('no marker'));
    (await running(script, 'flip.abort')).finish();
    await journalIn({ store }, id, 'paused');
    expect(await inbox(sql)).toEqual([]);
    expect((await messages(store, id)).filter((message) => message === 'pause by ann')).toHaveLength(1);
    await a.stop();
  });

  test('that the commit overtook leaves the inbox and says so: the org is where it was to go', async () => {
    const { store, another, sql, id, script, process, a } = await inHold({ completion: 'manual' });
    await a.driver.command(id, 'cancel', 'ann', undefined);
    process.freeze();
    const b = controller('b', another(), script);
    await b.driver.start();
    (await running(script, 'flip.decide', 'b')).finish({ decision: 'commit' });
    (await running(script, 'flip.release', 'b')).finish();
    await pollUntil('the inbox to be empty', async () => (await inbox(sql)).length === 0);
    await pollUntil('the refusal to be told', async () =>
      (await messages(store, id)).some((message) => message.startsWith('cancel by ann came too late')),
    );
    await journalIn({ store }, id, 'soaking.soaked');
    process.goOn();
    await Promise.all([a.stop(), b.stop()]);
  });

  test('is not acknowledged where the store does not take it, and the hold goes on', async () => {
    const { store } = await server.newStore();
    const losing = losingAnswerOf(store, 'postCommand', () => new StoreUnavailableError('the test took it away'));
    const id = await plan(store, 42, { flipTries: 1 });
    const script = new Script(allWell(['flip.marker']));
    const a = controller('a', losing.store, script);
    await a.driver.start();
    await a.driver.command(id, 'start', 'ann', undefined);
    const marker = await running(script, 'flip.marker');
    expect(await rejection(a.driver.command(id, 'pause', 'ann', undefined))).toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });
    // It was stored all the same, so it is carried out: nobody was told that it would not be.
    await pollUntil('the pause to be noted', async () => a.driver.runner(id)?.context.pauseRequested);
    marker.finish();
    await pollUntil('the hold to end', async () => (await rowOf(store, id)).journal.context.pauseRequested);
    await a.stop();
  });

  test('a pause is taken back by resume before it takes effect, and both outlive the controller', async () => {
    const { store, another, sql, id, script, process, a } = await inHold({ flipTries: 2 });
    await a.driver.command(id, 'pause', 'ann', undefined);
    await a.driver.command(id, 'resume', 'ann', undefined);
    expect(await inbox(sql)).toEqual(['pause', 'resume']);
    process.freeze();
    const b = controller('b', another(), script);
    await b.driver.start();
    (await running(script, 'flip.decide', 'b')).finish({ decision: 'abort' });
    const abort = await running(script, 'flip.abort', 'b');
    await pollUntil('both to be carried out', async () => {
      const told = b.driver.runner(id)?.context.pauseRequested === false;
      return told && (await inbox(sql)).length === 2;
    });
    await b.driver.claimNow();
    abort.finish();
    const marker = await running(script, 'flip.marker', 'b');
    expect(await inbox(sql)).toEqual([]);
    process.goOn();
    marker.finish();
    (await running(script, 'flip.release', 'b')).finish();
    await journalIn({ store }, id, 'completed');
    await Promise.all([a.stop(), b.stop()]);
  });
});

test('a pause outside a hold is taken back by resume before it takes effect', async () => {
  const { store } = await server.newStore();
  const id = await plan(store, 42);
  const script = new Script(allWell(['replication.fullLoad']));
  const a = controller('a', store, script);
  await a.driver.start();
  await a.driver.command(id, 'start', 'ann', undefined);
  const load = await running(script, 'replication.fullLoad');
  await a.driver.command(id, 'pause', 'ann', undefined);
  expect((await rowOf(store, id)).journal.context.pauseRequested).toBe(true);
  await a.driver.command(id, 'resume', 'ann', undefined);
  load.finish();
  await journalIn({ store }, id, 'completed');
  await a.stop();
});
