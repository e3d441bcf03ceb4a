import { connect as connectSocket } from 'node:net';
import { createConnection, type QueryOptions, type SslOptions } from 'mysql2';
import type { Clock } from '../../ports/clock.ts';
import { type Limits, watchLimits } from './limits.ts';
import { noStatementCache } from './statementCache.ts';

/** Where and as whom to connect. */
export interface ConnectionTarget {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** Certificates as mysql2 takes them; without it the connection is not encrypted. */
  readonly ssl?: SslOptions | undefined;
}

/** What is used of the driver's connection; a simulation may take its place. */
export interface WireConnection {
  readonly threadId?: number | undefined;
  on(event: 'error' | 'end', listener: (error?: unknown) => void): unknown;
  connect(done: (error: unknown) => void): void;
  query(options: QueryOptions, done: (error: unknown, result: unknown, fields?: readonly WireField[]) => void): unknown;
}

/** A column of a result. */
export interface WireField {
  readonly name: string;
  readonly columnType?: number | undefined;
  readonly type?: number | undefined;
  readonly characterSet?: number | undefined;
}

/** Begins to connect to a target. */
export type OpenWire = (target: ConnectionTarget, connectTimeoutMs: number) => Wire;

/** A connection, and the way to end it at once. */
export interface Wire {
  readonly connection: WireConnection;
  /** Closes the socket: the driver's own `destroy` only half-closes it, and a frozen server never closes its half. */
  sever(): void;
}

const KEEP_ALIVE_AFTER_MS = 10_000;

/** Begins to connect; see {@link connected}. */
export function openWire(target: ConnectionTarget, connectTimeoutMs: number): Wire {
  const socket = connectSocket({
    host: target.host,
    port: target.port,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_AFTER_MS,
  });
  // The driver listens too, but stops where it changes to TLS; an error without a listener would end the process.
  socket.on('error', () => {});
  const connection = createConnection({
    stream: () => socket,
    user: target.user,
    password: target.password,
    ...(target.ssl === undefined ? {} : { ssl: target.ssl }),
    // For the check of the certificate's name.
    host: target.host,
    connectTimeout: connectTimeoutMs,
    charset: 'utf8mb4',
    timezone: 'Z',
    supportBigNumbers: true,
    dateStrings: true,
    ...noStatementCache,
  });
  const sever = () => {
    connection.destroy();
    socket.destroy();
  };
  return { connection, sever };
}

/** Resolves when the server has let the account in. */
export function connected(clock: Clock, { connection }: Wire, limits: Limits): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = watchLimits(clock, 'connecting', limits, (reason) => reject(reason));
    connection.connect((error: unknown) => {
      stop();
      if (error === null || error === undefined) resolve();
      else reject(error);
    });
  });
}
