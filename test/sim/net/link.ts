/** What a client of a lost connection gets; `code` and `fatal` as the operating system and mysql2 say it. */
export class ConnectionLost extends Error {
  readonly code: string;
  readonly fatal = true;

  constructor(code: 'ECONNRESET' | 'ECONNREFUSED' | 'ETIMEDOUT', message: string) {
    super(`${code}: ${message}`);
    this.code = code;
  }
}

/** What a message says, for who makes the weather: rows to be changed, or anything else. */
export type Message = 'request' | 'change' | 'answer';

/** Whether a statement changes rows. */
export function messageOf(sql: string): Message {
  return /^\s*(?:UPDATE|INSERT|REPLACE|DELETE)\b/i.test(sql) ? 'change' : 'request';
}

/** One connection between a process and a server, with everything that a network does to it. */
export interface Link {
  /** False once this end knows that the connection is gone, or closed it. */
  readonly open: boolean;
  /**
   * Has `work` carried out at the server, one after the other in the order of asking, and gives its answer; what it
   * throws is the server's answer too. `ConnectionLost` says nothing about whether it was carried out, or will be. After
   * `close` nothing is answered any more, but what was sent may still be carried out, also much later.
   */
  request<T>(work: () => T | Promise<T>, what?: Message): Promise<T>;
  /** The client's end hears that the connection was lost; not of its own `close`. */
  onLost(hear: (error: ConnectionLost) => void): void;
  /** The server hears that the client is gone: it rolls back what is open. May come late. */
  onClosed(hear: () => void): void;
  /** The client closes. */
  close(): void;
  /** The server ends the connection, as by KILL. */
  reset(reason: string): void;
}
