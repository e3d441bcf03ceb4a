import type { SimProcess } from '../time/process.ts';

/** What a database server answered a statement with. */
export interface Answer {
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  readonly affectedRows: number;
  /** SERVER_STATUS_IN_TRANS of the answer. */
  readonly inTransaction: boolean;
}

/** A connection of a proxy, or of a client that goes past them, to a database server. */
export interface BackendSession {
  readonly open: boolean;
  /** Rejects with the server's refusal (`errno`, `sqlState`), or `ConnectionLost`, also where `close` came meanwhile. */
  query(sql: string): Promise<Answer>;
  close(): void;
  onLost(hear: () => void): void;
}

/** Logs a user in at the database server behind an address. */
export type ConnectBackend = (
  from: SimProcess,
  address: { readonly host: string; readonly port: number },
  user: string,
) => Promise<BackendSession>;

/** A refusal by a server: the connection is as good as before. */
export interface Refusal {
  readonly errno: number;
  readonly message: string;
}

export function isRefusal(error: unknown): error is Refusal {
  return typeof (error as { errno?: unknown }).errno === 'number';
}

/** What a proxy answers itself. */
export class ProxyRefusal extends Error {
  readonly errno: number;

  constructor(errno: number, message: string) {
    super(message);
    this.errno = errno;
  }
}
