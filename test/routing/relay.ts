import { once } from 'node:events';
import { createConnection, createServer, type Socket } from 'node:net';

/** Where a connection breaks: at these texts, sent one after the other on one connection. */
export interface BreakingPoint {
  readonly after: readonly string[];
  /** Whether the server still gets the last of them; its answer is lost either way. */
  readonly delivered: boolean;
}

/**
 * A partition between a client and a server: while it is cut, what the client sends is kept, and delivered later, also
 * when the client has long given up and closed its socket. Or the connection breaks at a point, and no other one is
 * taken until it is mended.
 */
export class Relay {
  readonly port: number;
  readonly #server;
  readonly #sockets = new Set<Socket>();
  #kept: { readonly backend: Socket; readonly data: Buffer }[] = [];
  #cut = false;
  #breaking: (BreakingPoint & { reached(): void }) | null = null;
  #broken = false;
  #refused = 0;

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
    server.on('connection', (client) => {
      if (relay.#broken) relay.#refuse(client);
      else relay.#join(client, createConnection(targetPort, '127.0.0.1'));
    });
    return relay;
  }

  #join(client: Socket, backend: Socket): void {
    for (const socket of [client, backend]) {
      this.#sockets.add(socket);
      // Either end may go at any time: that is what a partition looks like.
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
    }
    let passed = 0;
    client.on('data', (data: Buffer) => {
      const next = this.#breaking?.after[passed];
      if (next !== undefined && data.includes(next)) passed += 1;
      const breaking = this.#breaking !== null && passed === this.#breaking.after.length ? this.#breaking : null;
      if (breaking !== null && !breaking.delivered) this.#break(breaking);
      else if (this.#cut) this.#kept.push({ backend, data });
      else backend.write(data);
    });
    backend.on('data', (data) => {
      // What answers the last text shows that it has been carried out.
      if (this.#breaking !== null && passed === this.#breaking.after.length) this.#break(this.#breaking);
      else if (!client.destroyed) client.write(data);
    });
    client.on('close', () => {
      if (!this.#kept.some((one) => one.backend === backend)) backend.end();
    });
    backend.on('close', () => client.destroy());
  }

  #refuse(client: Socket): void {
    this.#refused += 1;
    client.on('error', () => {});
    client.destroy();
  }

  #break(point: { reached(): void }): void {
    this.#broken = true;
    this.#breaking = null;
    for (const socket of this.#sockets) socket.destroy();
    point.reached();
  }

  /** Every connection breaks at the point, and no new one is taken. Resolves when that has happened. */
  breakAt(point: BreakingPoint): Promise<void> {
    return new Promise((reached) => {
      this.#breaking = { ...point, reached };
    });
  }

  /** Connections that were asked for since, and not taken. */
  get refused(): number {
    return this.#refused;
  }

  /** Takes connections again. */
  mend(): void {
    this.#broken = false;
    this.#refused = 0;
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
