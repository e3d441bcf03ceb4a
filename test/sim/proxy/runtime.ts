import type { AdminRuntime, StatsRow } from '../../../infra/lab/proxysql/admin/adminRuntime.ts';
import { QueryRules } from '../../../infra/lab/proxysql/rules/queryRules.ts';
import type { RuntimeUser } from '../../../infra/lab/proxysql/runtime.ts';
import { Statistics } from '../../../infra/lab/proxysql/statistics.ts';
import { Variables } from '../../../infra/lab/proxysql/variables.ts';
import type { SimProcess } from '../time/process.ts';
import type { Random } from '../time/random.ts';
import { type ConnectBackend, ProxyRefusal } from './backend.ts';
import { SimHostgroups } from './hostgroups.ts';
import { processList } from './processList.ts';
import { ProxySession, type SessionHost } from './session.ts';

/** What a simulated proxy serves queries with, from its start to its end: nothing of it survives a restart. */
export class SimRuntime implements AdminRuntime, SessionHost {
  readonly process: SimProcess;
  readonly variables = new Variables();
  readonly hostgroups: SimHostgroups;
  readonly queryCache = new Map<string, never>();
  readonly sessions = new Map<number, ProxySession>();
  readonly statistics = new Statistics();
  #rules = new QueryRules();
  users: ReadonlyMap<string, RuntimeUser> = new Map();
  #sessionsBegun = 0;
  #rulesLoaded = 0;

  constructor(process: SimProcess, random: Random, connect: ConnectBackend) {
    this.process = process;
    this.hostgroups = new SimHostgroups(process, random, connect);
  }

  get rules(): QueryRules {
    return this.#rules;
  }

  set rules(rules: QueryRules) {
    this.#rules = rules;
    this.#rulesLoaded += 1;
  }

  /** How often rules or servers were loaded. */
  get loads(): number {
    return this.#rulesLoaded + this.hostgroups.loads;
  }

  get connectTimeoutMs(): number {
    return this.variables.number('mysql-connect_timeout_server_max');
  }

  /** Logs a client in; passwords are not asked for. Without a schema it is in the proxy's default one. */
  openSession(name: string, schema: string, drop: () => void): ProxySession {
    const user = this.users.get(name);
    if (user === undefined) {
      throw new ProxyRefusal(1045, `ProxySQL Error: Access denied for user '${name}'@'10.0.0.1' (using password: YES)`);
    }
    const used = schema || user.defaultSchema || this.variables.get('mysql-default_schema');
    const session = new ProxySession(this, ++this.#sessionsBegun, user, used, drop);
    this.sessions.set(session.id, session);
    return session;
  }

  forget(session: ProxySession): void {
    this.sessions.delete(session.id);
  }

  countStatement({ user, schema }: ProxySession, hostgroup: number, text: string, elapsedMs: number): void {
    const rows = { rowsAffected: 0, rowsSent: 0 };
    this.statistics.query({ hostgroup, schema, user: user.username, text, ...rows }, elapsedMs * 1_000);
  }

  countError(session: ProxySession, hostgroup: number, host: string, errno: number): void {
    const { schema } = session;
    const user = session.user.username;
    const common = { host, port: 3306, clientAddress: '10.0.0.1', lastError: `error ${errno}` };
    this.statistics.error({ ...common, hostgroup, user, schema, errno });
  }

  statsRows(table: string): Iterable<StatsRow> {
    switch (table) {
      case 'stats_mysql_processlist':
        return processList(this.sessions.values(), this.process.clock.monotonicMs());
      case 'stats_mysql_query_digest':
        return this.statistics.digestRows();
      case 'stats_mysql_prepared_statements_info':
        // Nobody prepares statements here.
        return [];
      case 'stats_mysql_users':
        return connectionsByUser(this.sessions.values(), this.users.keys());
      case 'stats_mysql_connection_pool':
        // Which connections are kept is no part of the model: nothing is proven by them.
        return [];
      case 'stats_mysql_errors':
        return this.statistics.errorRows();
      default:
        throw new Error(`the simulated proxy has no ${table}`);
    }
  }

  killSession(): boolean {
    throw new Error('the simulated proxy ends no sessions');
  }
}

function connectionsByUser(sessions: Iterable<ProxySession>, users: Iterable<string>): StatsRow[] {
  const counts = new Map([...users].map((user) => [user, 0]));
  for (const { user } of sessions) counts.set(user.username, (counts.get(user.username) ?? 0) + 1);
  return [...counts].map(([user, count]) => [user, count, 10_000]);
}
