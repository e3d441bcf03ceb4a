import { ProxyBench, type Side, type SqlClient } from '../../../conformance/proxysql/suites/bench.ts';
import { suiteConnection } from '../../mysql/conformance/connection.ts';
import { backendsOf, type Directory, SimServer } from '../../mysql/index.ts';
import { ConnectionLost } from '../../net/link.ts';
import { Network } from '../../net/network.ts';
import { SimProcess } from '../../time/process.ts';
import { Random } from '../../time/random.ts';
import { Scheduler } from '../../time/scheduler.ts';
import { VirtualTime } from '../../time/virtualTime.ts';
import { SimProxy } from '../simProxy.ts';

const HOST = '127.0.0.1';
const ports = { source: 3_301, target: 3_302 } as const;

/** The simulated proxy before two simulated databases, over simulated links, in virtual time. */
export class SimBench extends ProxyBench {
  readonly source: Side = { name: 'source', port: ports.source };
  readonly target: Side = { name: 'target', port: ports.target };
  readonly #scheduler = new Scheduler();
  readonly #time = new VirtualTime(this.#scheduler);
  readonly #client = new SimProcess('client', this.#scheduler);
  readonly #faults: unknown[] = [];
  readonly #connections = new Set<SqlClient>();
  readonly #directory: Directory;
  readonly #proxy: SimProxy;

  private constructor() {
    super();
    const scheduler = this.#scheduler;
    const network = new Network(scheduler, new Random(1), () => {});
    const servers = [this.source, this.target].map(
      ({ name }, index) =>
        new SimServer({
          name,
          flavour: 'mariadb',
          serverId: index + 1,
          domain: index + 1,
          scheduler,
          fault: (error) => this.#faults.push(error),
        }),
    ) as [SimServer, SimServer];
    this.#directory = { network, server: (_, port) => servers[port === ports.source ? 0 : 1] };
    this.#proxy = new SimProxy({
      name: 'proxy',
      scheduler,
      network,
      random: new Random(2),
      connectBackend: backendsOf(this.#directory),
      setUp: [],
    });
  }

  static async start(): Promise<SimBench> {
    const bench = new SimBench();
    for (const side of [bench.source, bench.target]) {
      const connection = await bench.direct(side);
      for (const statement of [
        'CREATE DATABASE BigDB',
        'CREATE TABLE BigDB.side (name VARCHAR(10) NOT NULL, PRIMARY KEY (name)) ENGINE = InnoDB',
        `INSERT INTO BigDB.side (name) VALUES ('${side.name}')`,
        'CREATE TABLE BigDB.t (id INT NOT NULL AUTO_INCREMENT, org INT NULL, v VARCHAR(200) NULL, PRIMARY KEY (id)) ENGINE = InnoDB',
        'CREATE TABLE BigDB.gate (id INT NOT NULL, PRIMARY KEY (id)) ENGINE = InnoDB',
        'INSERT INTO BigDB.gate (id) VALUES (1)',
      ]) {
        await connection.query(statement);
      }
    }
    return bench;
  }

  /** Throws where SQL was sent that the simulated servers do not know. */
  async stop(): Promise<void> {
    this.forgetConnections();
    await this.#time.stop();
    this.#proxy.close();
    const [first] = this.#faults;
    if (first !== undefined) throw first;
  }

  async newAdmin(): Promise<SqlClient> {
    const { query, destroy } = await this.#proxy.connectAdmin(this.#client);
    return this.#track({ query: async (sql) => [...(await query(sql))] as [unknown, unknown], destroy });
  }

  async client(user = 'org42', { database = 'BigDB' }: { readonly database?: string | null } = {}): Promise<SqlClient> {
    const connection = await this.#proxy.connectClient(this.#client, user, database ?? '');
    return this.#track({
      async query(sql) {
        const { rows, affectedRows } = await connection.query(sql).catch(asLost);
        return [isRead(sql) ? rows : { affectedRows }, []];
      },
      destroy: () => connection.close(),
    });
  }

  prepared(client: SqlClient, sql: string, values: readonly (string | number)[]): Promise<[unknown, unknown]> {
    const left = [...values];
    return client.query(sql.replaceAll('?', () => JSON.stringify(left.shift())));
  }

  async direct({ port }: Side): Promise<SqlClient> {
    return this.#track(await suiteConnection(this.#directory, this.#client, { host: HOST, port, user: 'lab' }));
  }

  freeze(): void {
    this.#proxy.process.stop();
  }

  thaw(): void {
    this.#proxy.process.continue();
  }

  async leaveBehind(operator: SqlClient, sql: string): Promise<void> {
    void operator.query(sql);
    operator.destroy();
  }

  nowMs(): number {
    return this.#scheduler.nowMs;
  }

  sleep(ms: number): Promise<void> {
    return this.#scheduler.sleep(ms);
  }

  protected async restart(): Promise<void> {
    this.#proxy.restart();
  }

  protected closeConnections(): void {
    for (const connection of this.#connections) connection.destroy();
    this.#connections.clear();
  }

  #track<T extends SqlClient>(connection: T): T {
    this.#connections.add(connection);
    return connection;
  }
}

function isRead(sql: string): boolean {
  return /^(?:\/\*.*?\*\/\s*)?SELECT\b/i.test(sql);
}

/** A lost connection as mysql2 tells of it. */
function asLost(error: unknown): never {
  if (!(error instanceof ConnectionLost)) throw error;
  throw Object.assign(new Error(error.message, { cause: error }), { code: 'PROTOCOL_CONNECTION_LOST' });
}
