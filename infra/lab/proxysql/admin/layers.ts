import { createHash } from 'node:crypto';
import type { ServerRow } from '../backend/server.ts';
import { QueryRules } from '../rules/queryRules.ts';
import type { FastRouteRow, RuleRow } from '../rules/ruleRow.ts';
import type { RuntimeUser } from '../runtime.ts';
import type { AdminRuntime } from './adminRuntime.ts';
import type { AdminDatabase } from './database.ts';
import { type ConfigTable, PROXY_TABLES, RULE_TABLES, SERVER_TABLES, USER_TABLES, VARIABLE_TABLES } from './tables.ts';

/** A module of the configuration: what is loaded and saved together. */
export type ModuleName =
  | 'mysql query rules'
  | 'mysql servers'
  | 'mysql users'
  | 'mysql variables'
  | 'admin variables'
  | 'proxysql servers';

const TABLES: Readonly<Record<ModuleName, readonly ConfigTable[]>> = {
  'mysql query rules': RULE_TABLES,
  'mysql servers': SERVER_TABLES,
  'mysql users': USER_TABLES,
  'mysql variables': VARIABLE_TABLES,
  'admin variables': VARIABLE_TABLES,
  'proxysql servers': PROXY_TABLES,
};

interface Version {
  version: number;
  epoch: number;
  checksum: string;
}

/**
 * The three layers. A LOAD publishes the *whole* memory of its module, whoever wrote it; a SAVE to disk stores all of it.
 * The tables runtime_… are made when somebody asks for them, as the real ones are.
 */
export class Layers {
  readonly #database: AdminDatabase;
  readonly #runtime: AdminRuntime;
  readonly #versions = new Map<ModuleName, Version>();

  constructor(database: AdminDatabase, runtime: AdminRuntime) {
    this.#database = database;
    this.#runtime = runtime;
  }

  memoryToDisk(module: ModuleName): void {
    this.#database.copy(TABLES[module], 'main', 'disk', filter(module));
  }

  diskToMemory(module: ModuleName): void {
    this.#database.copy(TABLES[module], 'disk', 'main', filter(module));
  }

  runtimeToMemory(module: ModuleName): void {
    this.#refreshServers();
    this.#database.copyFromRuntime(TABLES[module], filter(module));
    // A passing state of the runtime is not for the configuration.
    if (module === 'mysql servers') {
      this.#database.run("UPDATE main.mysql_servers SET status='ONLINE' WHERE status='SHUNNED'");
    }
  }

  memoryToRuntime(module: ModuleName): void {
    const database = this.#database;
    switch (module) {
      case 'mysql query rules': {
        const rules = database.all('SELECT * FROM main.mysql_query_rules WHERE active=1 ORDER BY rule_id');
        const routes = database.all('SELECT * FROM main.mysql_query_rules_fast_routing');
        this.#runtime.rules = new QueryRules(
          rules as unknown as readonly RuleRow[],
          routes as unknown as readonly FastRouteRow[],
        );
        break;
      }
      case 'mysql servers':
        this.#runtime.hostgroups.load(
          database.all('SELECT * FROM main.mysql_servers') as unknown as readonly ServerRow[],
        );
        break;
      case 'mysql users':
        this.#runtime.users = this.#users();
        break;
      case 'mysql variables':
      case 'admin variables':
        this.#takeVariables(module === 'mysql variables' ? 'mysql-' : 'admin-');
        break;
    }
    const active = module === 'mysql query rules' ? 'WHERE active=1' : filter(module);
    database.transaction(() => {
      for (const { name } of TABLES[module]) {
        const where = name === 'mysql_query_rules' || name === 'global_variables' ? active : '';
        database.all(`DELETE FROM main.runtime_${name} ${name === 'global_variables' ? active : ''}`);
        database.all(`INSERT INTO main.runtime_${name} SELECT * FROM main.${name} ${where}`);
      }
      if (module === 'mysql users') this.#splitRuntimeUsers();
    });
    this.#versions.set(module, {
      version: (this.#versions.get(module)?.version ?? 0) + 1,
      epoch: Math.floor(Date.now() / 1000),
      checksum: '',
    });
  }

  /** Brings those tables up to date that change without a LOAD, if the statement names them. */
  refreshFor(sql: string): void {
    if (/runtime_mysql_servers/i.test(sql)) this.#refreshServers();
    if (/runtime_checksums_values/i.test(sql)) this.#refreshChecksums();
  }

  #refreshServers(): void {
    const rows = [...this.#runtime.hostgroups.servers()].map(({ row, status }) => [
      row.hostgroup_id,
      row.hostname,
      row.port,
      row.gtid_port,
      status,
      row.weight,
      row.compression,
      row.max_connections,
      row.max_replication_lag,
      row.use_ssl,
      row.max_latency_ms,
      row.comment,
    ]);
    rows.sort((a, b) => Number(a[0]) - Number(b[0]) || Number(a[2]) - Number(b[2]));
    this.#database.fill('main.runtime_mysql_servers', rows);
  }

  #refreshChecksums(): void {
    const rows: (string | number)[][] = [];
    for (const module of Object.keys(TABLES) as ModuleName[]) {
      const entry = this.#versions.get(module);
      if (entry === undefined) continue;
      if (entry.checksum === '') entry.checksum = this.#checksum(module);
      rows.push([module.replaceAll(' ', '_'), entry.version, entry.epoch, entry.checksum]);
    }
    this.#database.fill('main.runtime_checksums_values', rows);
  }

  #checksum(module: ModuleName): string {
    const hash = createHash('md5');
    let rows = 0;
    for (const { name } of TABLES[module]) {
      for (const row of this.#database.all(`SELECT * FROM main.runtime_${name} ${filter(module)} ORDER BY 1,2`)) {
        hash.update(JSON.stringify(Object.values(row)));
        rows++;
      }
    }
    return rows === 0 ? '0x0000000000000000' : `0x${hash.digest('hex').slice(0, 16).toUpperCase()}`;
  }

  #users(): Map<string, RuntimeUser> {
    const users = new Map<string, RuntimeUser>();
    for (const row of this.#database.all('SELECT * FROM main.mysql_users WHERE active=1 AND frontend=1')) {
      users.set(String(row.username), {
        username: String(row.username),
        password: String(row.password ?? ''),
        defaultHostgroup: Number(row.default_hostgroup),
        defaultSchema: String(row.default_schema ?? ''),
        transactionPersistent: Number(row.transaction_persistent) === 1,
        maxConnections: Number(row.max_connections),
      });
    }
    return users;
  }

  /** The runtime lists a user once for the clients' side and once for the backends'. */
  #splitRuntimeUsers(): void {
    const database = this.#database;
    database.run("UPDATE main.runtime_mysql_users SET default_schema='' WHERE default_schema IS NULL");
    const both = database.all('SELECT * FROM main.runtime_mysql_users WHERE active=1');
    const rows = both.flatMap((row) => {
      const values = Object.entries(row) as [string, string | number | null][];
      const side = (frontend: number) =>
        values.map(([name, value]) => (name === 'frontend' ? frontend : name === 'backend' ? 1 - frontend : value));
      return [...(row.frontend === 1 ? [side(1)] : []), ...(row.backend === 1 ? [side(0)] : [])];
    });
    database.fill('main.runtime_mysql_users', rows);
  }

  /** A value that is not of the variable's kind is put back in memory, too. */
  #takeVariables(prefix: 'mysql-' | 'admin-'): void {
    for (const row of this.#database.all(`SELECT * FROM main.global_variables WHERE variable_name LIKE '${prefix}%'`)) {
      const name = String(row.variable_name);
      const kept = this.#runtime.variables.set(name, String(row.variable_value));
      if (kept !== row.variable_value) {
        this.#database.all('UPDATE main.global_variables SET variable_value=? WHERE variable_name=?', kept, name);
      }
    }
  }
}

function filter(module: ModuleName): string {
  if (module === 'mysql variables') return "WHERE variable_name LIKE 'mysql-%'";
  if (module === 'admin variables') return "WHERE variable_name LIKE 'admin-%'";
  return '';
}
