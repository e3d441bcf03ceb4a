import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a receiver does with a request: answers, cuts the connection, or never answers. */
export type Behaviour = number | 'cut' | 'silent';

/** One request that came in. */
export interface Received {
  readonly id: string;
  readonly body: { readonly type?: string; readonly text?: string; readonly data?: Record<string, unknown> };
  readonly text: string;
  readonly headers: IncomingMessage['headers'];
  /** Whether its signature is right, as a receiver finds out that knows nothing of the sender’s code. */
  readonly genuine: boolean;
  readonly answered: Behaviour;
}

/** Somebody who is told of state changes. */
export class Receiver {
  readonly secret = 'a secret of more than twenty-four bytes';
  readonly received: Received[] = [];
  readonly #server = createServer((request, reply) => void this.#take(request, reply));
  #behave: (received: Omit<Received, 'answered'>) => Behaviour = () => 200;
  #headers: Record<string, string> = {};

  static async start(): Promise<Receiver> {
    const receiver = new Receiver();
    await new Promise<void>((resolve) => receiver.#server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hook`;
  }

  /** From now on; also told by the request. */
  behave(how: (received: Omit<Received, 'answered'>) => Behaviour, headers: Record<string, string> = {}): void {
    this.#behave = how;
    this.#headers = headers;
  }

  /** Requests that were answered well. */
  get taken(): readonly Received[] {
    return this.received.filter(({ answered }) => answered === 200);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #take(request: IncomingMessage, reply: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const { headers } = request;
    const id = String(headers['webhook-id']);
    const came = { id, text, body: JSON.parse(text), headers, genuine: this.#isGenuine(text, headers) };
    const answered = this.#behave(came);
    this.received.push({ ...came, answered });
    if (answered === 'silent') return;
    if (answered === 'cut') request.socket.destroy();
    else reply.writeHead(answered, this.#headers).end('whatever it says');
  }

  #isGenuine(text: string, headers: IncomingMessage['headers']): boolean {
    const age = Math.abs(Date.now() / 1_000 - Number(headers['webhook-timestamp']));
    const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${text}`;
    const expected = createHmac('sha256', this.secret).update(signed).digest();
    const [version, given = ''] = String(headers['webhook-signature']).split(',');
    const found = Buffer.from(given, 'base64');
    return version === 'v1' && age < 300 && found.length === expected.length && timingSafeEqual(found, expected);
  }
}
