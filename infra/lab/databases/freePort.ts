import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

// Below the range from which Linux takes the local ports of outgoing connections (32768 up): a server that is restarted
// on its port must not find a client's connection there.
const LOWEST_PORT = 12_000;
const HIGHEST_PORT = 32_000;

/** A port on 127.0.0.1 that nobody listens on at this moment. Whoever uses it has to cope with losing the race for it. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(LOWEST_PORT, HIGHEST_PORT);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => probe.close(() => resolve(true)));
  });
}
