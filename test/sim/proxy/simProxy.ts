import { type AdminAnswer, AdminCommands } from '../../../infra/lab/proxysql/admin/commands.ts';
import { AdminDatabase } from '../../../infra/lab/proxysql/admin/database.ts';
import { Layers, type ModuleName } from '../../../infra/lab/proxysql/admin/layers.ts';
import { CONFIG_TABLES } from '../../../infra/lab/proxysql/admin/tables.ts';
import { digestOf } from '../../../infra/lab/proxysql/rules/digest.ts';
import { VARIABLE_DEFAULTS } from '../../../infra/lab/proxysql/variableDefaults.ts';
import type { AdminConnection } from '../../../src/adapters/proxysql/admin.ts';
import { messageOf } from '../net/link.ts';
import type { Network } from '../net/network.ts';
import { SimProcess } from '../time/process.ts';
import type { Random } from '../time/random.ts';
import type { Scheduler } from '../time/scheduler.ts';
import type { ConnectBackend } from './backend.ts';
import { SimRuntime } from './runtime.ts';
import type { RoutedAnswer } from './session.ts';

const modules: readonly ModuleName[] = [
  'mysql variables',
  'admin variables',
  'mysql servers',
  'mysql users',
  'mysql query rules',
  'proxysql servers',
];

/** What a proxy is made of. */
export interface SimProxyOptions {
  readonly name: string;
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly random: Random;
  readonly connectBackend: ConnectBackend;
  /** Statements of the platform's own set-up, before the first start. */
  readonly setUp: readonly string[];
}

/** A client's connection to a proxy. */
export interface ProxyClient {
  readonly open: boolean;
  query(sql: string): Promise<RoutedAnswer>;
  close(): void;
}

/**
 * One ProxySQL in virtual time. Admin tables, layers and rules are the stand-in's own; sessions and connections are a
 * model that knows holds, transactions and drains. `conformance/` holds it to the suites of the stand-in and the real one.
 *
 * What it leaves out, so that it is proven on those alone (`test/conformance/proxysql/*.test.ts`):
 *
 * | what | how it is here |
 * |---|---|
 * | prepared statements, batches, TLS, passwords, USE at a server | text, one statement at a time; tables are named with their schema |
 * | SET and what else a session keeps: variables, `autocommit=0`, temporary tables, GET_LOCK, XA, a connection kept for LAST_INSERT_ID() | nothing is kept but a transaction; no session is locked (9006) |
 * | `cache_ttl`, `OK_msg`, `delay`, `retries`, `multiplex`, `next_query_flagIN`, rewriting; `mysql-query_digests` and `…_keep_comment` | as if they were not set |
 * | weights, shunning of servers that fail, error 2002 | any server with a weight; one that cannot be reached is tried again until 9001 |
 * | tables of statistics but for the process list, errors and digests (without their rows); KILL | an error of the simulation |
 */
export class SimProxy {
  readonly name: string;
  readonly #options: SimProxyOptions;
  #process: SimProcess;
  #database: AdminDatabase;
  #runtime: SimRuntime;
  #commands: AdminCommands;
  #restarts = 0;
  readonly #hearers: (() => void)[] = [];
  readonly #editHearers: (() => void)[] = [];
  readonly #commentHearers: ((before: string, after: string) => void)[] = [];

  constructor(options: SimProxyOptions) {
    this.name = options.name;
    this.#options = options;
    const database = new AdminDatabase(':memory:');
    [this.#process, this.#database, this.#runtime, this.#commands] = this.#begin(database);
    for (const statement of options.setUp) this.#commands.execute(statement);
    for (const module of ['SERVERS', 'USERS', 'QUERY RULES', 'VARIABLES']) {
      this.#commands.execute(`SAVE MYSQL ${module} TO DISK`);
      this.#commands.execute(`LOAD MYSQL ${module} TO RUNTIME`);
    }
  }

  get process(): SimProcess {
    return this.#process;
  }

  /** Grows with every change of where statements go. */
  get routesVersion(): number {
    return this.#restarts * 1_000_000 + this.#runtime.loads + (this.#process.state === 'dead' ? 500_000 : 0);
  }

  /** Carries out an admin statement from within: for set-up, faults and looks. */
  execute(sql: string): AdminAnswer {
    return this.#commands.execute(sql);
  }

  /** Told once, right behind the next edit of rules by a controller. */
  onceEdited(hear: () => void): void {
    this.#editHearers.push(hear);
  }

  /** Told when a change of rules is published that the connection which made it has not saved: a restart would forget it. */
  onPublishedUnsaved(hear: () => void): void {
    this.#hearers.push(hear);
  }

  /** Told of every change that a controller makes to an org's rules: their comment before and after. */
  onCommentChanged(hear: (before: string, after: string) => void): void {
    this.#commentHearers.push(hear);
  }

  /** Ends as by SIGKILL. */
  kill(): void {
    this.#process.kill();
  }

  /** Starts again with what was saved. */
  restart(): void {
    this.kill();
    this.#restarts += 1;
    const before = this.#database;
    const database = new AdminDatabase(':memory:');
    for (const { name } of CONFIG_TABLES) {
      database.fill(`disk.${name}`, before.all(`SELECT * FROM disk.${name}`).map(valuesOf));
    }
    before.close();
    [this.#process, this.#database, this.#runtime, this.#commands] = this.#begin(database);
  }

  close(): void {
    this.#database.close();
  }

  /** The admin port, as the controller's adapter uses it. */
  async connectAdmin(client: SimProcess): Promise<AdminConnection> {
    const link = await this.#options.network.connect(client, () => this.#process);
    const commands = this.#commands;
    let unsaved = false;
    return {
      query: (sql) =>
        link.request((): readonly [unknown, unknown] => {
          const isEdit = sql.startsWith('UPDATE mysql_query_rules');
          const before = isEdit ? this.#commentOf(orgIn(sql)) : null;
          const answer = executed(commands, sql);
          if (isEdit && answer.kind === 'ok' && answer.affectedRows > 0) {
            unsaved = true;
            const after = this.#commentOf(orgIn(sql));
            if (before !== null && after !== null) for (const hear of this.#commentHearers) hear(before, after);
            for (const hear of this.#editHearers.splice(0)) hear();
          }
          if (sql === 'SAVE MYSQL QUERY RULES TO DISK') unsaved = false;
          if (sql === 'LOAD MYSQL QUERY RULES TO RUNTIME' && unsaved) for (const hear of this.#hearers) hear();
          if (answer.kind === 'rows') return [asObjects(answer.result), []];
          const { affectedRows, info = '' } = answer.kind === 'ok' ? answer : { affectedRows: 0 };
          return [{ affectedRows, info }, []];
        }, messageOf(sql)),
      destroy: () => link.close(),
      on: (_, hear) => link.onLost(hear),
    };
  }

  /** The MySQL port, as clients use it. */
  async connectClient(client: SimProcess, user: string, schema: string): Promise<ProxyClient> {
    const link = await this.#options.network.connect(client, () => this.#process);
    const runtime = this.#runtime;
    const session = await link.request(() => {
      const opened = runtime.openSession(user, schema, () => link.reset('dropped by the proxy'));
      link.onClosed(() => opened.close());
      return opened;
    });
    return {
      get open() {
        return link.open;
      },
      query: (sql) => link.request(() => session.query(sql)),
      close: () => link.close(),
    };
  }

  /** Where a statement would go now: the hosts of the servers that take it; none where it would wait. */
  hostsFor(user: string, schema: string, sql: string): readonly string[] {
    const subject = { user, schema, clientAddress: '10.0.0.1', proxyPort: 6033 };
    const verdict = this.#runtime.rules.process(subject, sql, digestOf(sql), 0);
    const hostgroup = verdict.destinationHostgroup ?? this.#runtime.users.get(user)?.defaultHostgroup;
    if (hostgroup === undefined) throw new RangeError(`${this.name} knows no user ${user}`);
    return this.#runtime.hostgroups.online(hostgroup).map(({ row }) => row.hostname);
  }

  /** Whether the org's own rules have given way to a shared route. */
  shares(orgId: number): boolean {
    const resting = `SELECT comment FROM mysql_query_rules WHERE comment LIKE 'bigdb-cutover org=${orgId} % state=settled'`;
    const answer = this.#commands.execute(resting);
    return answer.kind === 'rows' && answer.result.rows.length > 0;
  }

  /** Comment of the org's rules in memory. */
  #commentOf(orgId: number | null): string | null {
    if (orgId === null) return null;
    const [row] = this.#database.all(
      `SELECT comment FROM mysql_query_rules WHERE comment LIKE 'bigdb-cutover org=${orgId} %' LIMIT 1`,
    );
    return row === undefined ? null : String(row.comment);
  }

  #begin(database: AdminDatabase): [SimProcess, AdminDatabase, SimRuntime, AdminCommands] {
    const { name, scheduler, random, connectBackend } = this.#options;
    const process = new SimProcess(name, scheduler);
    const runtime = new SimRuntime(process, random, connectBackend);
    const layers = new Layers(database, runtime);
    database.fill('main.global_variables', VARIABLE_DEFAULTS);
    const saved = database.all('SELECT * FROM disk.global_variables');
    if (saved.length > 0) {
      for (const module of modules) if (!module.endsWith('variables')) layers.diskToMemory(module);
      for (const { variable_name: variable, variable_value: value } of saved) {
        database.all(
          'UPDATE main.global_variables SET variable_value=? WHERE variable_name=?',
          `${value}`,
          `${variable}`,
        );
      }
    }
    for (const module of modules) layers.memoryToRuntime(module);
    return [process, database, runtime, new AdminCommands(database, layers, runtime)];
  }
}

/** Whose rules a statement changes; null where it names no org. */
function orgIn(sql: string): number | null {
  const org = /bigdb-cutover org=(\d+) /.exec(sql)?.[1];
  return org === undefined ? null : Number(org);
}

/** What the admin interface throws reaches its client as error 1045, as with the real one. */
function executed(commands: AdminCommands, sql: string): AdminAnswer {
  try {
    return commands.execute(sql);
  } catch (error) {
    const message = `ProxySQL Admin Error: ${error instanceof Error ? error.message : String(error)}`;
    throw Object.assign(new Error(message, { cause: error }), { errno: 1045, sqlState: '28000' });
  }
}

function valuesOf(row: Record<string, unknown>): (string | number | null)[] {
  return Object.values(row) as (string | number | null)[];
}

function asObjects(result: {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | null)[])[];
}) {
  return result.rows.map((row) =>
    Object.fromEntries(result.columns.map((column, index) => [column, row[index] ?? null])),
  );
}
