import type { QueryOptions } from 'mysql2';
import type { OpenWire, Wire, WireConnection, WireField } from '../../../../src/adapters/mysql/wire.ts';
import type { Link } from '../../net/link.ts';
import type { SimProcess } from '../../time/process.ts';
import { ClientConnection, type Directory } from './connection.ts';
import { header, plainRows, rawRows } from './rows.ts';

/** Connections of a process to the world's servers, in the form in which the adapters of places and CoreDB open them. */
export function wiresOf(client: SimProcess, directory: Directory): OpenWire {
  return (target): Wire => {
    const connection = new SimWire(client, directory, target);
    return { connection, sever: () => connection.sever() };
  };
}

class SimWire implements WireConnection {
  threadId: number | undefined;
  readonly #client: SimProcess;
  readonly #directory: Directory;
  readonly #target: Parameters<OpenWire>[0];
  readonly #listeners: ((error?: unknown) => void)[] = [];
  #link: Link | null = null;
  #connection: ClientConnection | null = null;
  #severed = false;

  constructor(client: SimProcess, directory: Directory, target: Parameters<OpenWire>[0]) {
    this.#client = client;
    this.#directory = directory;
    this.#target = target;
  }

  on(event: 'error' | 'end', listener: (error?: unknown) => void): void {
    // A lost connection is told once, as an error.
    if (event === 'error') this.#listeners.push(listener);
  }

  connect(done: (error: unknown) => void): void {
    const opened = (link: Link) => {
      this.#link = link;
      if (this.#severed) link.close();
    };
    ClientConnection.open(this.#directory, this.#client, this.#target, opened).then((connection) => {
      this.#connection = connection;
      this.threadId = connection.session.id;
      connection.onLost((error) => {
        for (const hear of this.#listeners) hear(error);
      });
      done(null);
    }, done);
  }

  query(options: QueryOptions, done: (error: unknown, result: unknown, fields?: readonly WireField[]) => void): void {
    if (this.#connection === null) throw new Error('a statement before the connection');
    this.#connection.query(options.sql, options.values as readonly unknown[]).then(
      (result) => {
        if (result.rows === null) done(null, header(result));
        else if (options.typeCast === undefined) done(null, plainRows(result), []);
        else {
          const { rows, fields } = rawRows(result);
          done(null, rows, fields);
        }
      },
      (error) => done(error, undefined),
    );
  }

  sever(): void {
    this.#severed = true;
    this.#link?.close();
  }
}
