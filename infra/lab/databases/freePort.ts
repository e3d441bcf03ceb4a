import { randomInt } from 'node:crypto';
import { createServer, type Server } from 'node:net';

// Below the range from which Linux takes the local ports of outgoing connections (32768 up): a server that is restarted
// on its port must not find a client's connection there.
const LOWEST_PORT = 12_000;
const HIGHEST_PORT = 32_000;

/** Ports that a process takes at once. */
const BLOCK = 100;

/** Ports that belong to this process until it ends. */
interface Block {
  readonly firstPort: number;
  taken: number;
}

let block: Promise<Block> | undefined;

/**
 * A port on 127.0.0.1 that nobody listens on at this moment, and that no other process is given by this function as
 * long as this one lives: a server that is down for a while finds its port free again. Whoever uses it has to cope with
 * losing the race for it to a stranger.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    block ??= takeBlock();
    const asked = block;
    const current = await asked;
    current.taken += 1;
    if (current.taken >= BLOCK) {
      // Whoever asked at the same time may have begun the next one.
      if (block === asked) block = undefined;
      continue;
    }
    const port = current.firstPort + current.taken;
    if (await isFree(port)) return port;
  }
}

/** Whoever listens on a block's first port has the block: the system takes it back when the process ends, however it ends. */
async function takeBlock(): Promise<Block> {
  const blocks = (HIGHEST_PORT - LOWEST_PORT) / BLOCK;
  for (;;) {
    const firstPort = LOWEST_PORT + BLOCK * randomInt(blocks);
    const keeper = await listen(firstPort);
    if (keeper === null) continue;
    keeper.unref();
    return { firstPort, taken: 0 };
  }
}

async function isFree(port: number): Promise<boolean> {
  const probe = await listen(port);
  if (probe === null) return false;
  await new Promise<void>((resolve) => probe.close(() => resolve()));
  return true;
}

/** Null where somebody listens there. */
function listen(port: number): Promise<Server | null> {
  return new Promise((resolve) => {
    const server = createServer((client) => client.destroy());
    server.once('error', () => resolve(null));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => resolve(server));
  });
}
