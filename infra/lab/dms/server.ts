import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { z } from 'zod';
import { ApiBucket } from './apiBucket.ts';
import { DmsFault, invalidParameter, messageOf, throttled } from './errors.ts';
import { faultSchema } from './faults.ts';
import { operations } from './operations/index.ts';
import { type Region, unknownOperation } from './region.ts';

const TARGET_PREFIX = 'AmazonDMSv20160101.';
const CONTENT_TYPE = 'application/x-amz-json-1.1';
const MAX_BODY_BYTES = 8 * 1024 * 1024;

/** How long a client's connection may rest (milliseconds). */
const keepAliveMs = 60_000;

/** The service's HTTP endpoint, and beside it the lab's own one for the fault switches. */
export class DmsServer {
  readonly #region: Region;
  readonly #bucket: ApiBucket;
  readonly #api: Server;
  readonly #lab: Server;
  readonly #sockets = new Set<Socket>();
  /** Requests that get no answer while the service is made to hang. */
  readonly #hanging = new Set<Socket>();
  #host = '';
  #port = 0;

  constructor(region: Region) {
    this.#region = region;
    this.#bucket = new ApiBucket(region.config.apiBucket);
    this.#api = createServer((request, response) => void this.#answer(request, response));
    // Node's five seconds close connections that a client on a busy machine is about to use again.
    this.#api.keepAliveTimeout = keepAliveMs;
    this.#api.on('connection', (socket: Socket) => {
      socket.setNoDelay(true);
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    this.#lab = createServer((request, response) => void this.#answerLab(request, response));
  }

  /** Listens on the address; port 0 takes a free one. The fault switches are for this machine alone. */
  async listen(port: number, host: string): Promise<{ url: string; labUrl: string }> {
    this.#host = host;
    this.#port = await listen(this.#api, port, host);
    const labPort = await listen(this.#lab, 0, '127.0.0.1');
    return { url: `http://${host}:${this.#port}`, labUrl: `http://127.0.0.1:${labPort}` };
  }

  async close(): Promise<void> {
    this.#dropSockets();
    this.#lab.closeAllConnections();
    await Promise.all([this.#api, this.#lab].map((server) => new Promise((resolve) => server.close(resolve))));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { faults } = this.#region;
    if (faults.unreachable === 'hang') {
      this.#hanging.add(request.socket);
      return;
    }
    const operation = operationOf(request);
    try {
      const body = await readBody(request);
      const answer = this.#perform(request, operation, body);
      const lost = faults.takeLostReply(operation);
      if (lost === 'drop') request.socket.destroy();
      else if (lost === '500') send(response, 500, { __type: 'InternalFailure', message: 'Internal failure' });
      else send(response, 200, answer);
    } catch (error) {
      const fault = error instanceof DmsFault ? error : new DmsFault('InternalFailure', messageOf(error), 500);
      if (fault.httpStatus >= 500) console.error(error);
      send(response, fault.httpStatus, { __type: fault.code, message: fault.message });
    }
  }

  #perform(request: IncomingMessage, name: string, body: string): unknown {
    if (request.method !== 'POST' || request.url !== '/') throw unknownOperation(name);
    this.#checkSignature(request.headers.authorization);
    if (request.headers['content-type'] !== CONTENT_TYPE) {
      throw new DmsFault('SerializationException', `content-type must be ${CONTENT_TYPE}`);
    }
    if (this.#region.faults.takeThrottle(name) || !this.#bucket.take()) throw throttled();
    const operation = operations.get(name);
    if (operation === undefined) throw unknownOperation(name);
    let document: unknown;
    try {
      document = JSON.parse(body === '' ? '{}' : body);
    } catch (error) {
      throw new DmsFault('SerializationException', messageOf(error));
    }
    const input = operation.input.safeParse(document);
    if (!input.success) throw invalidParameter(z.prettifyError(input.error));
    return operation.handle(input.data, this.#region);
  }

  /** Any credentials do, but the request must be signed for this service and region. */
  #checkSignature(authorization: string | undefined): void {
    const scope = /^AWS4-HMAC-SHA256 Credential=[^/]+\/\d{8}\/([^/]+)\/([^/]+)\/aws4_request,/.exec(
      authorization ?? '',
    );
    if (scope === null) throw new DmsFault('MissingAuthenticationTokenException', 'Missing Authentication Token');
    if (scope[2] !== 'dms' || scope[1] !== this.#region.config.region) {
      throw new DmsFault(
        'InvalidSignatureException',
        `Credential should be scoped to ${this.#region.config.region}/dms`,
      );
    }
    const { credentials } = this.#region.faults;
    if (credentials === 'expired') {
      throw new DmsFault('ExpiredTokenException', 'The security token included in the request is expired');
    }
    if (credentials === 'unknown') {
      throw new DmsFault('UnrecognizedClientException', 'The security token included in the request is invalid.');
    }
  }

  async #answerLab(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      if (request.method === 'GET' && request.url === '/lab/state') {
        send(response, 200, this.#region.state());
        return;
      }
      if (request.method !== 'POST' || request.url !== '/lab/faults') {
        send(response, 404, { message: 'GET /lab/state and POST /lab/faults' });
        return;
      }
      const fault = faultSchema.safeParse(JSON.parse(await readBody(request)));
      if (!fault.success) {
        send(response, 400, { message: z.prettifyError(fault.error) });
        return;
      }
      this.#region.applyFault(fault.data);
      if (fault.data.kind === 'apiRate' || fault.data.kind === 'clear') this.#setRate();
      if (fault.data.kind === 'unreachable' || fault.data.kind === 'clear') await this.#setReachable();
      send(response, 200, {});
    } catch (error) {
      send(response, 400, { message: messageOf(error) });
    }
  }

  #setRate(): void {
    const rate = this.#region.faults.apiRate;
    this.#bucket.reset(
      rate === null ? this.#region.config.apiBucket : { capacity: rate.capacity, refillPerSecond: rate.perSecond },
    );
  }

  async #setReachable(): Promise<void> {
    const { unreachable } = this.#region.faults;
    if (unreachable !== 'hang') {
      for (const socket of this.#hanging) socket.destroy();
      this.#hanging.clear();
    }
    if (unreachable === 'refuse' && this.#api.listening) {
      const closed = new Promise((resolve) => this.#api.close(resolve));
      this.#dropSockets();
      await closed;
    }
    if (unreachable !== 'refuse' && !this.#api.listening) await listen(this.#api, this.#port, this.#host);
  }

  #dropSockets(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

function operationOf(request: IncomingMessage): string {
  const target = String(request.headers['x-amz-target'] ?? '');
  return target.startsWith(TARGET_PREFIX) ? target.slice(TARGET_PREFIX.length) : target;
}

function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.removeListener('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new DmsFault('RequestEntityTooLarge', 'the request is too large', 413);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': CONTENT_TYPE, 'x-amzn-requestid': randomUUID() });
  response.end(JSON.stringify(body));
}
