import { type Link, messageOf } from '../../net/link.ts';
import type { Network } from '../../net/network.ts';
import type { SimProcess } from '../../time/process.ts';
import type { ServerSession } from '../server/session.ts';
import type { Result } from '../server/sessionState.ts';
import type { SimServer } from '../simServer.ts';

/** Where the clients of a world find its servers. */
export interface Directory {
  readonly network: Network;
  server(host: string, port: number): SimServer;
}

/** A client's end of a connection to a server. */
export class ClientConnection {
  readonly server: SimServer;
  readonly session: ServerSession;
  readonly #link: Link;

  private constructor(server: SimServer, session: ServerSession, link: Link) {
    this.server = server;
    this.session = session;
    this.#link = link;
  }

  /** Connects and logs in; rejects with the server's refusal or `ConnectionLost`. */
  static async open(
    { network, server: find }: Directory,
    client: SimProcess,
    to: { readonly host: string; readonly port: number; readonly user: string; readonly database?: string | undefined },
    opened: (link: Link) => void = () => {},
  ): Promise<ClientConnection> {
    const server = find(to.host, to.port);
    const link = await network.connect(client, () => server.process);
    opened(link);
    const login = { user: to.user, host: client.name, database: to.database ?? null };
    const session = await link.request(() => server.login(link, login));
    return new ClientConnection(server, session, link);
  }

  get open(): boolean {
    return this.#link.open;
  }

  /** Rejects with `SqlError`, `SessionEnded` or `ConnectionLost`. */
  query(sql: string, values: readonly unknown[] = []): Promise<Result> {
    return this.#link.request(() => this.server.execute(this.session, sql, values), messageOf(sql));
  }

  /** Several statements in one request, as one packet of them; `work` runs at the server. */
  inOneRequest<T>(
    work: (run: (sql: string, values?: readonly unknown[]) => Promise<Result>) => Promise<T>,
  ): Promise<T> {
    const run = (sql: string, values: readonly unknown[] = []) => this.server.execute(this.session, sql, values);
    return this.#link.request(() => work(run));
  }

  onLost(hear: (error: Error) => void): void {
    this.#link.onLost(hear);
  }

  close(): void {
    this.#link.close();
  }
}
