import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pollUntil } from '../../infra/lab/databases/index.ts';
import { type StoreServer, startStoreServer } from '../store/world.ts';
import { Receiver } from './receiver.ts';
import { hookOf, moves, Sending, storeFor } from './world.ts';

const script = fileURLToPath(new URL('process.ts', import.meta.url));
/** Silence after which somebody else delivers (milliseconds). */
const leaseMs = 2_000;

let server: StoreServer;
let receiver: Receiver;
beforeAll(async () => {
  server = await startStoreServer('mariadb');
  receiver = await Receiver.start();
});
afterAll(async () => {
  await receiver?.stop();
  await server?.close();
});

test('what a killed controller had sent without hearing of it is sent again under the same id, and nothing is left out', async () => {
  receiver.behave(() => 'silent');
  const hooks = [hookOf(receiver)];
  const { store, sql } = await storeFor(server, hooks);
  const [{ name: database }] = (await sql('SELECT DATABASE() AS name')) as [{ name: string }];
  const { host, port, user, password } = server.server;
  const account = { host, port, user, password, database };
  await moves(store, 1, ['preflight', 'snapshot']);
  const killed = spawn(
    process.execPath,
    [script, JSON.stringify({ store: account, hooks, instance: 'killed', leaseMs })],
    {
      stdio: 'inherit',
    },
  );
  const over = once(killed, 'exit');
  try {
    await pollUntil('the first request', async () => receiver.received.length === 1);
    // Another controller waits for its turn meanwhile.
    const sending = new Sending(store, hooks, 'next', leaseMs);
    try {
      receiver.behave(() => 200);
      killed.kill('SIGKILL');
      await over;
      await moves(store, 1, ['replicating.task']);
      await pollUntil('all of them', async () => receiver.taken.length >= 3);
      const [lost, again, ...rest] = receiver.received;
      expect([again?.id, again?.text, again?.genuine]).toEqual([lost?.id, lost?.text, true]);
      expect(rest.map(({ body }) => body.data?.state)).toEqual(['snapshot', 'replicating.task']);
    } finally {
      await sending.stop();
    }
  } finally {
    killed.kill('SIGKILL');
    await over;
  }
});
