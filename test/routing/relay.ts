import { once } from 'node:events';
import { createConnection, createServer, type Socket } from 'node:net';

/**
 * A partition between a client and a server: while it is cut, what the client sends is kept, and delivered later, also
 * when the client has long given up and closed its socket.
 */
export class Relay {
  readonly port: number;
  readonly #server;
  readonly #sockets = new Set<Socket>();
  #kept: { readonly backend: Socket; readonly data: Buffer }[] = [];
  #cut = false;

  private constructor(server: ReturnType<typeof createServer>, port: number) {
    this.#server = server;
    this.port = port;
  }

  static async start(targetPort: number): Promise<Relay> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new TypeError('a TCP port has a number');
    const relay = new Relay(server, address.port);
    server.on('connection', (client) => relay.#join(client, createConnection(targetPort, '127.0.0.1')));
    return relay;
  }

  #join(client: Socket, backend: Socket): void {
    for (const socket of [client, backend]) {
      this.#sockets.add(socket);
      // Either end may go at any time: that is what a partition looks like.
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
    }
    client.on('data', (data: Buffer) => {
      if (this.#cut) this.#kept.push({ backend, data });
      else backend.write(data);
    });
    backend.on('data', (data) => {
      if (!client.destroyed) client.write(data);
    });
    client.on('close', () => {
      if (!this.#kept.some((one) => one.backend === backend)) backend.end();
    });
    backend.on('close', () => client.destroy());
  }

  /** From now on nothing reaches the server. */
  cut(): void {
    this.#cut = true;
  }

  /** Bytes that wait to be delivered. */
  get keptBytes(): number {
    return this.#kept.reduce((sum, { data }) => sum + data.length, 0);
  }

  /** Delivers what was kept; resolves when the server has answered each connection. */
  async deliver(): Promise<void> {
    this.#cut = false;
    const kept = this.#kept;
    this.#kept = [];
    const answered = [...new Set(kept.map(({ backend }) => backend))].map((backend) => once(backend, 'data'));
    for (const { backend, data } of kept) backend.write(data);
    await Promise.all(answered);
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
