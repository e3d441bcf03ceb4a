import { connect, createServer, type Socket } from 'node:net';

/** A connection to a server that can be cut and mended, as a network does. */
export interface Wire {
  readonly address: string;
  /** Ends every connection; new ones are refused at once. */
  cut(): void;
  /** Connections stay, and nothing comes through any more. */
  freeze(): void;
  mend(): void;
  /** Another server from now on. */
  leadTo(target: string): void;
  close(): Promise<void>;
}

/** Listens on loopback and passes everything on to the target (`http://host:port`). */
export async function startWire(target: string): Promise<Wire> {
  let url = new URL(target);
  let state: 'whole' | 'cut' | 'frozen' = 'whole';
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    if (state === 'cut') {
      near.destroy();
      return;
    }
    const far = connect(Number(url.port), url.hostname);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('data', (data) => {
        if (state === 'whole') to.write(data);
      });
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const own = server.address();
  if (own === null || typeof own === 'string') throw new Error('the wire has no port');
  const end = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    address: `http://127.0.0.1:${own.port}`,
    cut() {
      state = 'cut';
      end();
    },
    freeze() {
      state = 'frozen';
    },
    mend() {
      // What was swallowed is missing for ever: connections from before are of no use.
      if (state === 'frozen') end();
      state = 'whole';
    },
    leadTo(other) {
      url = new URL(other);
    },
    async close() {
      end();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
