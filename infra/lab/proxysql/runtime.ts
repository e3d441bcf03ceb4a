import type { AdminRuntime, StatsRow } from './admin/adminRuntime.ts';
import { statsRowsOf } from './admin/statsTables.ts';
import { BackendConnection } from './backend/connection.ts';
import { Hostgroups } from './backend/hostgroups.ts';
import { QueryRules } from './rules/queryRules.ts';
import { killSession } from './session/localAnswers.ts';
import { StatementCache } from './session/preparedStatements.ts';
import type { ClientSession } from './session/session.ts';
import { Statistics } from './statistics.ts';
import { Variables } from './variables.ts';

/** A user of the runtime, as a session takes it over when it logs in. */
export interface RuntimeUser {
  readonly username: string;
  readonly password: string;
  readonly defaultHostgroup: number;
  readonly defaultSchema: string;
  readonly transactionPersistent: boolean;
  readonly maxConnections: number;
}

/** What serves queries: the content of ProxySQL's runtime layer, and those who use it. */
export class Runtime implements AdminRuntime {
  readonly variables = new Variables();
  readonly statements = new StatementCache();
  readonly statistics = new Statistics();
  /** Cached responses of rules with cache_ttl: bytes and the time until which they hold. */
  readonly queryCache = new Map<string, { readonly response: Buffer; readonly validUntilMs: number }>();
  readonly sessions = new Map<number, ClientSession>();
  readonly hostgroups = new Hostgroups(() => ({
    connectTimeoutMs: this.variables.number('mysql-connect_timeout_server'),
    connectTimeoutMaxMs: this.variables.number('mysql-connect_timeout_server_max'),
    connectRetries: this.variables.number('mysql-connect_retries_on_failure'),
    connectRetryDelayMs: this.variables.number('mysql-connect_retries_delay'),
    shunOnFailures: this.variables.number('mysql-shun_on_failures'),
    shunRecoveryMs: this.variables.number('mysql-shun_recovery_time_sec') * 1000,
  }));
  users: ReadonlyMap<string, RuntimeUser> = new Map();
  rules = new QueryRules();
  readonly #startedAtMs = performance.now();
  #lastConnectionId = 0;

  statsRows(table: string): Iterable<StatsRow> {
    return statsRowsOf(this, table);
  }

  killSession(id: number, how: 'CONNECTION' | 'QUERY'): boolean {
    const session = this.sessions.get(id);
    if (session !== undefined) killSession(session, how);
    return session !== undefined;
  }

  /** One counter for both ports, as the ids are shown together. */
  nextConnectionId(): number {
    this.#lastConnectionId++;
    return this.#lastConnectionId;
  }

  get uptimeSeconds(): number {
    return Math.floor((performance.now() - this.#startedAtMs) / 1000);
  }

  /** Ends at the server what runs on a connection whose client is gone. */
  async killAtServer(connection: BackendConnection, how: 'CONNECTION' | 'QUERY'): Promise<void> {
    const killer = await BackendConnection.open(connection.server, connection.login, 1000);
    try {
      await killer.runOwn(`KILL ${how} ${connection.threadId}`);
    } finally {
      killer.destroy();
    }
  }
}
