import { createConnection } from 'mysql2/promise';
import { ProxyUnavailableError } from '../../errors/routing.ts';
import type { Clock } from '../../ports/clock.ts';
import { systemClock } from '../clock.ts';
import { noStatementCache } from '../mysql/statementCache.ts';
import type { ProxyConfig } from './config.ts';

/** A value in an admin statement; the interface speaks the text protocol only, so it is written into the statement. */
export function literal(value: string | number | null): string {
  if (value === null) return 'NULL';
  if (typeof value === 'number') return String(value);
  return `'${value.replaceAll("'", "''")}'`;
}

export type AdminRow = Readonly<Record<string, string | null>>;

/** What the adapter needs of an admin connection; a simulation can stand in for it. */
export interface AdminSession {
  rows(sql: string, signal?: AbortSignal): Promise<readonly AdminRow[]>;
  /** Rows changed by a statement; 0 where a comparison did not match. */
  write(sql: string, signal?: AbortSignal): Promise<number>;
  close(): void;
}

/** What is used of a connection to an admin interface. */
export interface AdminConnection {
  query(sql: string): Promise<readonly [unknown, unknown]>;
  destroy(): void;
  on(event: 'error', hear: (error: unknown) => void): unknown;
}

/** Connects to a proxy's admin interface. */
export type ConnectAdmin = (config: ProxyConfig, timeoutMs: number) => Promise<AdminConnection>;

export const connectAdmin: ConnectAdmin = (config, timeoutMs) =>
  createConnection({
    host: config.host,
    port: config.adminPort,
    user: config.adminUser,
    password: config.adminPassword,
    ...(config.ssl === undefined ? {} : { ssl: config.ssl }),
    connectTimeout: timeoutMs,
    ...noStatementCache,
  });

/** Longest wait for one admin command where no signal ends it earlier (milliseconds). */
const commandTimeoutMs = 3_000;

/**
 * One admin connection that is opened again after any failure. Commands run one after the other. A command that was
 * given up may still be carried out later: callers make every change conditional on what they saw.
 */
export function openAdmin(
  config: ProxyConfig,
  clock: Clock = systemClock,
  connectTo: ConnectAdmin = connectAdmin,
): AdminSession {
  let connection: Promise<AdminConnection> | null = null;
  let tail: Promise<unknown> = Promise.resolve();

  const connect = () =>
    connectTo(config, commandTimeoutMs).then((opened) => {
      // Without a listener a connection that is lost while idle would end the process.
      opened.on('error', () => drop());
      return opened;
    });

  const drop = () => {
    const dropped = connection;
    connection = null;
    dropped?.then(
      (opened) => opened.destroy(),
      () => {},
    );
  };

  const run = async (sql: string, signal: AbortSignal | undefined): Promise<unknown> => {
    const limit = new AbortController();
    const cancel = clock.after(commandTimeoutMs, () => {
      limit.abort(new DOMException(`no answer within ${commandTimeoutMs} ms`, 'TimeoutError'));
    });
    const either = signal === undefined ? limit.signal : AbortSignal.any([signal, limit.signal]);
    try {
      either.throwIfAborted();
      connection ??= connect();
      const opened = await interruptible(connection, either);
      const [result] = await interruptible(opened.query(sql), either);
      return result;
    } catch (error) {
      if (!isRefusal(error)) drop();
      throw new ProxyUnavailableError(config.name, summary(sql), error);
    } finally {
      cancel();
    }
  };

  const inOrder = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = tail.then(work, work);
    tail = turn.catch(() => {});
    return turn;
  };

  return {
    rows: (sql, signal) => inOrder(async () => (await run(sql, signal)) as AdminRow[]),
    write: (sql, signal) => inOrder(async () => ((await run(sql, signal)) as { affectedRows: number }).affectedRows),
    close: drop,
  };
}

/** The proxy answered and said no: the connection is as good as before. */
function isRefusal(error: unknown): boolean {
  return (error as { errno?: unknown }).errno === 1045 && (error as { sqlState?: unknown }).sqlState !== undefined;
}

/** First words of a statement, for a message. */
function summary(sql: string): string {
  return sql.replace(/\s+/g, ' ').trim().slice(0, 60);
}

function interruptible<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
