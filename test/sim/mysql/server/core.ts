import type { Clock } from '../../../../src/ports/clock.ts';
import type { VirtualTable } from '../evaluate/environment.ts';
import type { Value } from '../sql/value.ts';
import type { Table } from '../storage/table.ts';
import type { Isolation, Transaction, TransactionOwner } from '../storage/transaction.ts';
import { Binlog, type Gtid } from './binlog.ts';
import { Catalog } from './catalog.ts';
import { NamedLocks } from './namedLocks.ts';
import { ServerSession } from './session.ts';
import { Transactions } from './transactions.ts';
import { globalVariables } from './variables.ts';
import { virtualTable } from './virtualTables.ts';

/** What a server is. */
export interface ServerOptions {
  readonly flavour: 'mariadb' | 'mysql';
  readonly serverId: number;
  /** Domain of the transactions that begin here. */
  readonly domain: number;
  /** Users that may log in; they may do anything, and all have one password. */
  readonly accounts?: readonly string[];
}

/** One stream of transactions from another server, as SHOW … STATUS tells it. */
export interface ReplicaStatus {
  readonly connection: string;
  readonly from: string;
  receives(): boolean;
  applies(): boolean;
  errno(): number;
}

/** A server without its process: what is on its disk, and who is connected. */
export class ServerCore {
  readonly name: string;
  readonly options: ServerOptions;
  readonly binlog = new Binlog();
  readonly transactions: Transactions;
  readonly catalog: Catalog;
  readonly names = new NamedLocks();
  readonly replicas: ReplicaStatus[] = [];
  /** Prepared, and of no session any more. */
  readonly prepared = new Map<string, Transaction>();
  /** Of the process that runs now. */
  clock: Clock;
  variables: Map<string, Value>;
  /** For connections that begin. */
  isolation: Isolation = 'REPEATABLE READ';
  readonly #sessions = new Map<number, ServerSession>();
  #connected = 0;
  #statements = 0;

  constructor(name: string, options: ServerOptions, clock: Clock) {
    this.name = name;
    this.options = options;
    this.clock = clock;
    this.variables = globalVariables(options);
    this.transactions = new Transactions(this.binlog, () => this.#nextGtid());
    this.catalog = new Catalog((schema, table) => this.virtual(schema, table));
  }

  get version(): string {
    return this.options.flavour === 'mariadb' ? '10.11.6-MariaDB' : '8.0.36';
  }

  get sessions(): readonly ServerSession[] {
    return [...this.#sessions.values()];
  }

  connect(login: { user: string; host: string; database: string | null }): ServerSession {
    this.#connected += 1;
    const session = new ServerSession(this, this.#connected, login);
    this.#sessions.set(session.id, session);
    return session;
  }

  /** The number of the statement that begins. */
  nextQueryId(): number {
    this.#statements += 1;
    return this.#statements;
  }

  session(id: number): ServerSession | undefined {
    return this.#sessions.get(id);
  }

  /** A connection has ended. */
  forget(session: ServerSession): void {
    this.#sessions.delete(session.id);
    this.names.releaseAll(session.id);
  }

  begin(owner: TransactionOwner, isolation: Isolation, readOnly = false): Transaction {
    return this.transactions.begin(owner, isolation, this.clock.nowMs(), readOnly);
  }

  isReadOnly(): boolean {
    return Number(this.variables.get('read_only')) !== 0 || Number(this.variables.get('innodb_read_only')) !== 0;
  }

  /** The next number of an AUTO_INCREMENT column, by the server's increment and offset. */
  nextId(table: Table): number {
    const increment = Number(this.variables.get('auto_increment_increment'));
    const offset = Number(this.variables.get('auto_increment_offset'));
    if (table.nextId <= offset) return offset;
    return offset + Math.ceil((table.nextId - offset) / increment) * increment;
  }

  gtidVariable(name: string): Value {
    if (!['gtid_current_pos', 'gtid_binlog_pos', 'gtid_executed'].includes(name)) return null;
    const newest = [...this.binlog.newest.values()].sort((a, b) => a.domain - b.domain);
    const mariadb = this.options.flavour === 'mariadb';
    return newest
      .map(({ domain, serverId, number }) =>
        mariadb ? `${domain}-${serverId}-${number}` : `${uuid(serverId)}:1-${number}`,
      )
      .join(',');
  }

  virtual(schema: string, table: string): VirtualTable | null {
    return virtualTable(this, schema, table);
  }

  /** The process died: nobody is connected, and nothing is open but what was prepared. */
  crash(): void {
    for (const session of this.sessions) session.end(`${this.name} crashed`);
  }

  /** A new process comes up on the same disk. */
  restart(clock: Clock): void {
    this.clock = clock;
    this.variables = globalVariables(this.options);
    this.isolation = 'REPEATABLE READ';
    this.binlog.rotate();
  }

  #nextGtid(): Gtid {
    const { domain, serverId } = this.options;
    return { domain, serverId, number: this.binlog.nextNumber(domain) };
  }
}

function uuid(serverId: number): string {
  return `00000000-0000-4000-8000-${String(serverId).padStart(12, '0')}`;
}
