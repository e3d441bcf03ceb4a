import { createConnection, type Socket } from 'node:net';
import { Capability, Command, ServerStatus, SHARED_CAPABILITIES } from '../wire/constants.ts';
import { frame } from '../wire/frames.ts';
import { type ResponseKind, type ResponseSummary, ResponseTracker } from '../wire/responseTracker.ts';
import { BackendLostError, BackendRefusedError } from './errors.ts';
import { type BackendGreeting, type BackendLogin, logIn } from './login.ts';
import type { Server } from './server.ts';

/** Why a backend connection cannot be shared; the numbers are those of `status_flags` in the process list. */
export const ConnectionFlag = {
  USER_VARIABLE: 0x4,
  PREPARED_STATEMENT: 0x8,
  LOCK_TABLES: 0x10,
  TEMPORARY_TABLE: 0x20,
  GET_LOCK: 0x40,
  NO_MULTIPLEX: 0x80,
  FOUND_ROWS: 0x200,
  HAS_SAVEPOINT: 0x400,
  HAS_WARNINGS: 0x1000,
} as const;

/** A piece of a response on its way to the client; false asks to hold the next ones back. */
export type Forward = (chunk: Buffer) => boolean;

interface Running {
  readonly tracker: ResponseTracker;
  readonly forward: Forward | undefined;
  resolve(summary: ResponseSummary): void;
  reject(error: Error): void;
}

/** One connection to a database server, with what is known of its session state there. */
export class BackendConnection {
  readonly server: Server;
  readonly login: BackendLogin;
  readonly serverVersion: string;
  readonly threadId: number;
  readonly #socket: Socket;
  #running: Running | undefined;
  #closed = false;
  bytesSent = 0;
  bytesReceived = 0;
  questions = 0;
  timesTaken = 0;
  /** Status flags of the last response; an error leaves them as they were. */
  status: number = ServerStatus.AUTOCOMMIT;
  flags = 0;
  warningCount = 0;
  /** Queries for which the connection is still kept after an INSERT with AUTO_INCREMENT. */
  autoIncrementToken = 0;
  /** When the token was set last, in performance.now() time. */
  keptSinceMs = 0;
  schema = '';
  autocommit = true;
  /** Session variables as they were set last, by name. */
  readonly applied = new Map<string, string>();
  /** Statement ids at the server by global statement id, oldest first. */
  readonly statements = new Map<number, number>();
  lastAffectedRows = 0;
  lastInsertId = 0;
  lastErrno = 0;

  private constructor(server: Server, login: BackendLogin, socket: Socket, greeting: BackendGreeting) {
    this.server = server;
    this.login = login;
    this.#socket = socket;
    this.serverVersion = greeting.serverVersion;
    this.threadId = greeting.threadId;
    socket.on('data', (chunk) => this.#data(chunk as Buffer));
    socket.on('close', () => this.#lost('the connection to the server was lost'));
  }

  /** Connects and logs in. A BackendRefusedError carries the server's own words. */
  static async open(server: Server, login: BackendLogin, timeoutMs: number): Promise<BackendConnection> {
    const socket = createConnection({ host: server.host, port: server.port, noDelay: true });
    let cause: unknown;
    socket.on('error', (error) => {
      cause = error;
    });
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    try {
      const greeting = await logIn(socket, login);
      const wanted = login.capabilities & SHARED_CAPABILITIES & (Capability.DEPRECATE_EOF | Capability.MULTI_RESULTS);
      if ((wanted & ~greeting.capabilities) !== 0) {
        throw new BackendLostError(`server ${greeting.serverVersion} lacks a capability that the client uses`);
      }
      socket.setTimeout(0);
      return new BackendConnection(server, login, socket, greeting);
    } catch (error) {
      socket.destroy();
      if (error instanceof BackendRefusedError || cause === undefined) throw error;
      throw new BackendLostError(`cannot connect to ${server.host}:${server.port}`, cause);
    }
  }

  get inTransaction(): boolean {
    return (this.status & ServerStatus.IN_TRANSACTION) !== 0;
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  get localPort(): number | undefined {
    return this.#socket.localPort;
  }

  get localAddress(): string | undefined {
    return this.#socket.localAddress;
  }

  /** What keeps the connection with its session, apart from an open transaction. */
  get multiplexDisabled(): boolean {
    return this.flags !== 0 || this.autoIncrementToken > 0;
  }

  /** Sends a command and follows its response, whose bytes go to `forward` as they come. */
  run(payload: Buffer, kind: ResponseKind = 'query', forward?: Forward): Promise<ResponseSummary> {
    if (this.#closed) return Promise.reject(new BackendLostError('the connection to the server is closed'));
    const deprecateEof = (this.login.capabilities & Capability.DEPRECATE_EOF) !== 0;
    this.questions++;
    return new Promise((resolve, reject) => {
      this.#running = { tracker: new ResponseTracker(kind, deprecateEof), forward, resolve, reject };
      this.send(payload);
    });
  }

  /** A query of the proxy's own; an error of the server's is thrown. */
  async runOwn(sql: string): Promise<void> {
    await this.runOwnCommand(Buffer.concat([Buffer.from([Command.QUERY]), Buffer.from(sql, 'latin1')]));
  }

  async runOwnCommand(payload: Buffer): Promise<void> {
    let reply = Buffer.alloc(0);
    const summary = await this.run(payload, 'query', (chunk) => {
      reply = Buffer.concat([reply, chunk]);
      return true;
    });
    if (summary.errno === 0) return;
    const state = reply[7] === 0x23 ? reply.toString('latin1', 8, 13) : 'HY000';
    throw new BackendRefusedError(summary.errno, state, summary.errorMessage);
  }

  /** Sends a command that has no response. */
  send(payload: Buffer): void {
    this.bytesSent += payload.length;
    this.server.bytesSent += payload.length;
    this.#socket.write(frame(payload, 0));
  }

  /** To be called when a consumer that returned false takes data again. */
  resume(): void {
    this.#socket.resume();
  }

  /** Gives the connection up; whatever runs on it fails here and goes on at the server. */
  destroy(reason = 'the connection was given up'): void {
    this.#socket.destroy();
    this.#lost(reason);
  }

  #data(chunk: Buffer): void {
    this.bytesReceived += chunk.length;
    this.server.bytesReceived += chunk.length;
    const running = this.#running;
    if (running === undefined) {
      this.destroy('the server spoke without being asked');
      return;
    }
    const done = running.tracker.push(chunk);
    if (running.forward !== undefined && !running.forward(chunk) && !done) this.#socket.pause();
    if (!done) return;
    this.#running = undefined;
    const { summary } = running.tracker;
    if (summary.status !== undefined) this.status = summary.status;
    this.lastErrno = summary.errno;
    this.lastAffectedRows = summary.affectedRows;
    this.lastInsertId = summary.lastInsertId;
    running.resolve(summary);
  }

  #lost(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    const running = this.#running;
    this.#running = undefined;
    this.server.forget(this);
    running?.reject(new BackendLostError(reason));
  }
}
