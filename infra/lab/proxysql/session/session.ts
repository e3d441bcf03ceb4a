import type { Socket } from 'node:net';
import type { BackendConnection } from '../backend/connection.ts';
import type { Runtime, RuntimeUser } from '../runtime.ts';
import { ClientHandshake, type ClientLogin, loginOk } from '../wire/clientHandshake.ts';
import { Capability, Command, ServerStatus } from '../wire/constants.ts';
import { PacketReader, writePackets } from '../wire/frames.ts';
import { eofPayload, errorPayload, okPayload, resultPayloads, type TextResult } from '../wire/replies.ts';
import { handleExecute, handlePrepare } from './prepared.ts';
import type { ClientStatement } from './preparedStatements.ts';
import { handleQuery } from './query.ts';
import { SessionState } from './sessionState.ts';

/** What a session is doing, in the words of the process list. */
export type SessionCommand =
  | 'Sleep'
  | 'Query'
  | 'Execute'
  | 'Prepare'
  | 'Connect'
  | 'InitDB'
  | 'Setting variable'
  | 'Changing autocommit';

/**
 * One client of the MySQL port. Commands are carried out one after the other, in the order in which they came, also
 * those whose sender has gone meanwhile.
 */
export class ClientSession {
  readonly id: number;
  readonly runtime: Runtime;
  readonly socket: Socket;
  readonly proxyPort: number;
  readonly clientAddress: string;
  readonly clientPort: number;
  readonly startedAtMs = performance.now();
  user: RuntimeUser | undefined;
  login: ClientLogin | undefined;
  state = new SessionState('');
  /** Backend connections by hostgroup; undefined where one was used and given back. */
  readonly backends = new Map<number, BackendConnection | undefined>();
  statements = new Map<number, ClientStatement>();
  #lastStatementId = 0;
  currentHostgroup = -1;
  /** Locked there by a SET that the proxy cannot keep track of; -1: not locked. */
  lockedOnHostgroup = -1;
  /** Where the open transaction is; -1: none. */
  transactionHostgroup = -1;
  activeTransactions = 0;
  transactionStartedAtMs = 0;
  lastInsertId = 0;
  lastWriteHostgroup = -1;
  warningHostgroup = -1;
  nextFlagIn = -1;
  command: SessionCommand = 'Sleep';
  info: string | null = null;
  lastActivityMs = performance.now();
  /** The client has closed its side of the connection. */
  hasLeft = false;
  /** The backend connection whose response is on its way to the client. */
  running: BackendConnection | undefined;
  readonly #gone = new AbortController();
  readonly #reader = new PacketReader();
  readonly #handshake: ClientHandshake;
  readonly #queue: Buffer[] = [];
  #draining = false;
  #authenticating = true;

  constructor(runtime: Runtime, socket: Socket, proxyPort: number) {
    this.id = runtime.nextConnectionId();
    this.runtime = runtime;
    this.socket = socket;
    this.proxyPort = proxyPort;
    this.clientAddress = socket.remoteAddress ?? '';
    this.clientPort = socket.remotePort ?? 0;
    this.#handshake = new ClientHandshake({
      serverVersion: runtime.variables.get('mysql-server_version'),
      connectionId: this.id,
      clientAddress: this.clientAddress,
      storedPassword: (user) => runtime.users.get(user)?.password,
      write: (payload, sequenceId) => writePackets(socket, [payload], sequenceId),
      onLogin: (login, sequenceId) => this.#loggedIn(login, sequenceId),
      onRefused: () => socket.end(),
    });
    runtime.statistics.count('Client_Connections_created');
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#data(chunk as Buffer));
    socket.on('drain', () => this.running?.resume());
    socket.on('error', () => socket.destroy());
    socket.on('end', () => this.#left());
    socket.on('close', () => this.#closed());
    this.#handshake.greet();
  }

  get deprecateEof(): boolean {
    return ((this.login?.capabilities ?? 0) & Capability.DEPRECATE_EOF) !== 0;
  }

  /** Aborted when the client is gone. */
  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  /** Status flags of what the proxy answers itself. */
  get status(): number {
    return (
      (this.openTransactions() > 0 ? ServerStatus.IN_TRANSACTION : 0) |
      (this.state.autocommit ? ServerStatus.AUTOCOMMIT : 0)
    );
  }

  openTransactions(): number {
    let open = 0;
    for (const backend of this.backends.values()) if (backend?.inTransaction === true) open++;
    return open;
  }

  ok(info = ''): void {
    this.reply([okPayload({ status: this.status, info })]);
  }

  error(errno: number, sqlState: string, message: string): void {
    this.reply([errorPayload(errno, sqlState, message)]);
  }

  result(result: TextResult): void {
    this.reply(resultPayloads(result, this.deprecateEof, this.status));
  }

  reply(payloads: readonly Buffer[]): void {
    this.lastActivityMs = performance.now();
    if (!this.socket.destroyed) writePackets(this.socket, payloads, 1);
  }

  /** Bytes of a backend's response, as they are; false when the client does not keep up. */
  forward(bytes: Buffer): boolean {
    this.lastActivityMs = performance.now();
    return this.socket.destroyed || this.socket.write(bytes);
  }

  /** Ends the session as ProxySQL does where it cannot tell how a statement went: without a word. */
  drop(): void {
    this.socket.destroy();
    this.#closed();
  }

  newStatementId(): number {
    this.#lastStatementId++;
    return this.#lastStatementId;
  }

  /** Where the next statement goes unless a rule says otherwise. */
  beginRequest(): void {
    if (this.transactionHostgroup !== -1) return;
    this.currentHostgroup = this.lockedOnHostgroup === -1 ? (this.user?.defaultHostgroup ?? 0) : this.lockedOnHostgroup;
  }

  #data(chunk: Buffer): void {
    this.lastActivityMs = performance.now();
    this.#reader.push(chunk, (payload, sequenceId) => {
      if (this.#authenticating) {
        try {
          this.#handshake.packet(payload, sequenceId);
        } catch (error) {
          if (!(error instanceof RangeError)) throw error;
          this.socket.destroy();
        }
        return;
      }
      this.#queue.push(payload);
    });
    if (!this.#draining && !this.#authenticating) void this.#drain();
  }

  async #drain(): Promise<void> {
    this.#draining = true;
    for (;;) {
      const payload = this.#queue.shift();
      if (payload === undefined) break;
      try {
        await this.#carryOut(payload);
      } catch (error) {
        process.stderr.write(
          `session ${this.id} is dropped: ${error instanceof Error ? error.stack : String(error)}\n`,
        );
        this.drop();
      }
      this.command = 'Sleep';
      this.info = null;
    }
    this.#draining = false;
    // Who went away while this session was parked hears nothing any more, and nobody else ends it.
    if (this.hasLeft) this.socket.end();
  }

  async #carryOut(payload: Buffer): Promise<void> {
    switch (payload[0]) {
      case Command.QUERY:
        return handleQuery(this, payload);
      case Command.STMT_EXECUTE:
        return handleExecute(this, payload);
      case Command.STMT_PREPARE:
        return handlePrepare(this, payload);
      case Command.STMT_CLOSE:
        return this.#closeStatement(payload.readUInt32LE(1));
      case Command.STMT_SEND_LONG_DATA:
        return this.statements.get(payload.readUInt32LE(1))?.addLongData(payload);
      case Command.STMT_RESET:
        this.statements.get(payload.readUInt32LE(1))?.reset();
        return this.ok();
      case Command.PING:
        return this.ok();
      case Command.INIT_DB:
        this.state.schema = payload.toString('utf8', 1);
        return this.ok();
      case Command.SET_OPTION:
        return this.reply([eofPayload(this.status)]);
      case Command.STATISTICS:
        return this.reply([Buffer.from(`Uptime: ${this.runtime.uptimeSeconds}`)]);
      case Command.RESET_CONNECTION:
        this.#reset();
        return this.ok();
      case Command.CHANGE_USER:
        this.#authenticating = true;
        return this.#handshake.changeUser(payload, 0);
      case Command.QUIT:
        this.socket.end();
        return;
      default:
        return this.error(1047, '08S01', 'Unknown command');
    }
  }

  #loggedIn(login: ClientLogin, sequenceId: number): void {
    const user = this.runtime.users.get(login.user);
    if (user === undefined) {
      this.drop();
      return;
    }
    if (this.login !== undefined) this.#reset();
    const others = [...this.runtime.sessions.values()].filter(
      (one) => one !== this && one.user?.username === login.user,
    );
    if (others.length >= user.maxConnections) {
      const message = `User '${login.user}' has exceeded the 'max_user_connections' resource (current value: ${user.maxConnections})`;
      writePackets(this.socket, [errorPayload(1226, '42000', message)], sequenceId);
      this.socket.end();
      return;
    }
    this.login = login;
    this.user = user;
    const fallback = user.defaultSchema || this.runtime.variables.get('mysql-default_schema');
    this.state = new SessionState(login.database || fallback);
    this.#authenticating = false;
    this.runtime.sessions.set(this.id, this);
    writePackets(this.socket, [loginOk()], sequenceId);
  }

  #closeStatement(id: number): void {
    const statement = this.statements.get(id);
    if (statement !== undefined) statement.global.clients--;
    this.statements.delete(id);
  }

  /** As new, but for the user: nothing of the old session state may survive at a backend. */
  #reset(): void {
    for (const id of [...this.statements.keys()]) this.#closeStatement(id);
    this.#giveUpBackends();
    this.state = new SessionState(this.state.schema);
    this.currentHostgroup = -1;
    this.lockedOnHostgroup = -1;
    this.transactionHostgroup = -1;
    this.activeTransactions = 0;
    this.lastWriteHostgroup = -1;
    this.warningHostgroup = -1;
    this.lastInsertId = 0;
  }

  #giveUpBackends(): void {
    for (const backend of this.backends.values()) {
      if (backend === undefined) continue;
      if (backend.inTransaction || backend.multiplexDisabled || backend.isRunning)
        this.runtime.hostgroups.discard(backend);
      else this.runtime.hostgroups.release(backend);
    }
    this.backends.clear();
  }

  /** The client has closed its side. A parked session stays in the process list until its wait is over. */
  #left(): void {
    this.hasLeft = true;
    if (this.command !== 'Connect') this.socket.end();
  }

  #closed(): void {
    if (this.#gone.signal.aborted) return;
    this.#gone.abort();
    this.runtime.sessions.delete(this.id);
    const { running } = this;
    // What still runs for nobody is ended at the server.
    if (
      running?.isRunning === true &&
      this.runtime.variables.boolean('mysql-kill_backend_connection_when_disconnect')
    ) {
      this.runtime.killAtServer(running, 'CONNECTION').catch((error: unknown) => {
        process.stderr.write(`cannot kill thread ${running.threadId} of a client that is gone: ${String(error)}\n`);
      });
    }
    for (const id of [...this.statements.keys()]) this.#closeStatement(id);
    this.#giveUpBackends();
  }
}
