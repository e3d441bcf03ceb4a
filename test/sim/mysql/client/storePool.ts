import type { Statement, StoreConfig, StoreConnection, StorePool } from '../../../../src/adapters/store/connection.ts';
import type { SimProcess } from '../../time/process.ts';
import type { Result } from '../server/sessionState.ts';
import { ClientConnection, type Directory } from './connection.ts';
import { header, plainRows } from './rows.ts';

/** As the product opens its pool. */
const LIMIT = 12;
const CONNECT_TIMEOUT_MS = 5_000;
const STATEMENT_TIMEOUT_MS = 5_000;
const BEGINNING = ['SET SESSION wait_timeout = 2', 'START TRANSACTION'];
const ENDING = ['COMMIT', 'SET SESSION wait_timeout = DEFAULT'];
const answerOf = (result: Result) => (result.rows === null ? header(result) : plainRows(result));

/** A process's pools of connections to the store, as mysql2's: who comes when all are lent waits. */
export function storePoolsOf(client: SimProcess, directory: Directory): (config: StoreConfig) => StorePool {
  return (config) => new SimStorePool(client, directory, config);
}

class SimStorePool implements StorePool {
  readonly #client: SimProcess;
  readonly #directory: Directory;
  readonly #config: StoreConfig;
  readonly #idle: ClientConnection[] = [];
  readonly #waiting: (() => void)[] = [];
  #lent = 0;
  #ended = false;

  constructor(client: SimProcess, directory: Directory, config: StoreConfig) {
    this.#client = client;
    this.#directory = directory;
    this.#config = config;
  }

  async getConnection(): Promise<StoreConnection> {
    while (this.#lent >= LIMIT) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (this.#ended) throw new Error('Pool is closed.');
    this.#lent += 1;
    try {
      return this.#lend(this.#takeIdle() ?? (await this.#connect()));
    } catch (error) {
      this.#back();
      throw error;
    }
  }

  async end(): Promise<void> {
    this.#ended = true;
    for (const connection of this.#idle.splice(0)) connection.close();
  }

  #takeIdle(): ClientConnection | null {
    for (;;) {
      const connection = this.#idle.shift();
      if (connection === undefined) return null;
      if (connection.open) return connection;
    }
  }

  #connect(): Promise<ClientConnection> {
    let close = () => {};
    let over = false;
    const opening = ClientConnection.open(this.#directory, this.#client, this.#config, (link) => {
      close = () => link.close();
      if (over) link.close();
    });
    return this.#within(CONNECT_TIMEOUT_MS, opening, 'ETIMEDOUT', () => {
      over = true;
      close();
    });
  }

  #lend(connection: ClientConnection): StoreConnection {
    let lent = true;
    const giveBack = (usable: boolean) => {
      if (!lent) return;
      lent = false;
      if (usable && connection.open && !this.#ended) this.#idle.push(connection);
      else connection.close();
      this.#back();
    };
    let begins = false;
    const request = (statements: readonly Statement[], behind: readonly string[] = []) => {
      const before = begins ? BEGINNING : [];
      begins = false;
      const asked = connection.inOneRequest(async (run) => {
        const answers: unknown[] = [];
        for (const sql of before) await run(sql);
        for (const { sql, values } of statements) answers.push(answerOf(await run(sql, values)));
        for (const sql of behind) await run(sql);
        return answers;
      });
      return this.#within(STATEMENT_TIMEOUT_MS, asked, 'PROTOCOL_SEQUENCE_TIMEOUT');
    };
    return {
      query: async (statement, values = []) => {
        const { sql, timeout } = typeof statement === 'string' ? { sql: statement, timeout: null } : statement;
        if (begins) return [(await request([{ sql, values }]))[0], []];
        const asked = connection.query(sql, values);
        const result = timeout === null ? await asked : await this.#within(timeout, asked, 'PROTOCOL_SEQUENCE_TIMEOUT');
        return [answerOf(result), []];
      },
      begin() {
        begins = true;
      },
      together: (statements) => request(statements),
      commit: (statements = []) => request(statements, ENDING),
      release: () => giveBack(true),
      destroy: () => giveBack(false),
    };
  }

  #back(): void {
    this.#lent -= 1;
    this.#waiting.shift()?.();
  }

  /** The driver's own time-outs: it stops waiting, and the server knows nothing of it. */
  #within<T>(ms: number, work: Promise<T>, code: string, givenUp: () => void = () => {}): Promise<T> {
    return new Promise((resolve, reject) => {
      const cancel = this.#client.clock.after(ms, () => {
        givenUp();
        reject(Object.assign(new Error(`${code} after ${ms} ms`), { code, fatal: true }));
      });
      work.then(resolve, reject).finally(cancel);
    });
  }
}
