import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { pollUntil } from '../../infra/lab/databases/index.ts';
import { allWell, Script } from '../driver/script.ts';
import { controller, journalIn, plan } from '../driver/world.ts';
import { type StoreServer, startStoreServer } from '../store/world.ts';
import { Receiver } from './receiver.ts';
import { hookOf, moves, Sending, storeFor } from './world.ts';

let server: StoreServer;
const ends: (() => Promise<void>)[] = [];
beforeAll(async () => {
  server = await startStoreServer('mariadb');
});
afterAll(() => server.close());
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function receiverOf(): Promise<Receiver> {
  const receiver = await Receiver.start();
  ends.push(() => receiver.stop());
  return receiver;
}

function sendingOf(...given: ConstructorParameters<typeof Sending>): Sending {
  const sending = new Sending(...given);
  ends.push(() => sending.stop());
  return sending;
}

const takenBy = (receiver: Receiver, count: number) =>
  pollUntil(`${count} deliveries`, async () => receiver.taken.length >= count && receiver.taken);
const states = (receiver: Receiver, orgId?: number) =>
  receiver.taken
    .filter(({ body }) => orgId === undefined || body.data?.orgId === orgId)
    .map(({ body }) => body.data?.state);

describe('a hook', () => {
  test('is told of every change, signed, in order, once', async () => {
    const receiver = await receiverOf();
    const hooks = [hookOf(receiver)];
    const { store, sql } = await storeFor(server, hooks);
    const sending = sendingOf(store, hooks);
    await Promise.all([
      moves(store, 1, ['preflight', 'snapshot', 'replicating.task']),
      moves(store, 2, ['preflight', 'cancelled']),
    ]);
    await takenBy(receiver, 5);
    expect(states(receiver, 1)).toEqual(['preflight', 'snapshot', 'replicating.task']);
    expect(states(receiver, 2)).toEqual(['preflight', 'cancelled']);
    expect(receiver.received.every(({ genuine }) => genuine)).toBe(true);
    expect(receiver.received[0]?.headers['content-type']).toBe('application/json');
    expect(new Set(receiver.received.map(({ id }) => id)).size).toBe(5);
    // Written down, each with how it was answered.
    await pollUntil('the records', async () => {
      const rows = await sql(`SELECT tries, answer FROM webhook_deliveries WHERE outcome = 'delivered'`);
      return rows.length === 5 && rows.every(({ tries, answer }) => tries === 1 && answer === 'HTTP 200');
    });
    expect(sending.tries).toEqual(Array(5).fill('delivered'));
  });

  test('that fails, or cuts the connection, is told again, the same under the same id; what comes behind waits', async () => {
    const receiver = await receiverOf();
    const answers: (number | 'cut')[] = [500, 'cut', 302];
    receiver.behave(({ body }) => (body.data?.orgId === 1 ? (answers.shift() ?? 200) : 200), { location: '/other' });
    const hooks = [hookOf(receiver)];
    const { store } = await storeFor(server, hooks);
    const sending = sendingOf(store, hooks);
    await moves(store, 1, ['preflight', 'snapshot']);
    await moves(store, 2, ['preflight']);
    await takenBy(receiver, 3);
    const ofFirst = receiver.received.filter(({ body }) => body.data?.orgId === 1);
    expect(ofFirst.map(({ answered }) => answered)).toEqual([500, 'cut', 302, 200, 200]);
    expect(new Set(ofFirst.slice(0, 4).map(({ id, text }) => `${id} ${text}`)).size).toBe(1);
    expect(ofFirst.every(({ genuine }) => genuine)).toBe(true);
    expect(ofFirst[4]?.body.data?.state).toBe('snapshot');
    // Another org's news did not wait for it, and the log says when trouble began and ended.
    expect(receiver.taken[0]?.body.data?.orgId).toBe(2);
    const told = sending.logged.filter(({ level }) => level !== 'debug').map(({ message }) => message);
    expect(told.at(-1)).toBe('webhooks are taken again');
    const everything = JSON.stringify(sending.logged);
    for (const secret of [receiver.secret, receiver.url, 'whatever it says']) expect(everything).not.toContain(secret);
  });

  test('that does not want an event, or never takes it, is told of the next', async () => {
    const receiver = await receiverOf();
    receiver.behave(({ body }) => {
      if (body.data?.state === 'preflight') return 410;
      return body.data?.state === 'snapshot' ? 500 : 200;
    });
    const hooks = [hookOf(receiver, { giveUpAfterMs: 1_000 })];
    const { store, sql } = await storeFor(server, hooks);
    const sending = sendingOf(store, hooks);
    await moves(store, 1, ['preflight', 'snapshot', 'replicating.task']);
    await takenBy(receiver, 1);
    const of = `SELECT outcome, answer FROM webhook_deliveries WHERE outcome = 'givenUp' ORDER BY seq`;
    expect(await sql(of)).toEqual([
      { outcome: 'givenUp', answer: 'HTTP 410' },
      { outcome: 'givenUp', answer: 'HTTP 500' },
    ]);
    expect(sending.logged.filter(({ level }) => level === 'error')).toHaveLength(2);
  });

  test('that is told by two controllers is told once by them together; who stops hands over', async () => {
    const receiver = await receiverOf();
    const hooks = [hookOf(receiver), hookOf(receiver, { name: 'phases', steps: false })];
    const { store, another } = await storeFor(server, hooks);
    const [a, b] = [sendingOf(store, hooks, 'a'), sendingOf(another(), hooks, 'b')];
    const orgs = [1, 2, 3, 4, 5, 6];
    await Promise.all(orgs.map((orgId) => moves(store, orgId, ['preflight', 'snapshot'])));
    await takenBy(receiver, 24);
    await a.stop();
    await Promise.all(orgs.map((orgId) => moves(store, orgId, ['replicating.task', 'replicating.fullLoad'])));
    await takenBy(receiver, 42);
    await b.stop();
    expect(receiver.received).toHaveLength(42);
    expect(a.tries.length + b.tries.length).toBe(42);
    for (const orgId of orgs) {
      expect(states(receiver, orgId).filter((state) => state === 'replicating.task')).toHaveLength(2);
      expect(states(receiver, orgId).filter((state) => state === 'replicating.fullLoad')).toHaveLength(1);
    }
  });
});

test('a receiver that never answers delays neither a migration nor another hook, nor the end of the controller', async () => {
  const [dead, alive] = [await receiverOf(), await receiverOf()];
  dead.behave(() => 'silent');
  const hooks = [hookOf(dead, { name: 'dead' }), hookOf(alive, { name: 'alive' })];
  const { store } = await storeFor(server, hooks);
  const sending = sendingOf(store, hooks);
  const script = new Script(allWell());
  const mover = controller('a', store, script);
  ends.push(() => mover.stop());
  const id = await plan(store, 42);
  await mover.driver.start();
  await mover.driver.command(id, 'start', 'ann', 'CHG-1234');
  await journalIn({ store }, id, 'completed');
  const told = await pollUntil('the last state', async () =>
    states(alive).includes('completed') ? alive.taken : undefined,
  );
  // In order, those among them that live in memory alone.
  const entered = (await store.events(id, 0, 1_000)).filter(({ type }) => type === 'state');
  expect(told.map(({ body }) => body.data?.state)).toEqual(entered.map(({ state }) => state));
  expect(states(alive)).toContain('flipping.drain');
  expect(told[0]?.body.data).toMatchObject({
    previous: 'planned',
    state: 'preflight',
    actor: 'ann',
    note: 'CHG-1234',
    orgId: 42,
  });
  // It has its first request still.
  expect(dead.received).toHaveLength(1);
  await sending.stop();
  expect(sending.tries.filter((outcome) => outcome !== 'delivered')).toEqual([]);
  expect(await store.dueDeliveries('dead', [], 10)).toMatchObject([{ id: dead.received[0]?.id, tries: 0 }]);
});
