import { VARIABLE_DEFAULTS } from '../variableDefaults.ts';
import type { TextResult } from '../wire/replies.ts';
import type { AdminRuntime } from './adminRuntime.ts';
import type { AdminDatabase } from './database.ts';
import type { Layers, ModuleName } from './layers.ts';
import { refreshStats } from './statsTables.ts';

/** An answer of the admin interface. */
export type AdminAnswer =
  | { readonly kind: 'ok'; readonly affectedRows: number; readonly info?: string }
  | { readonly kind: 'rows'; readonly result: TextResult }
  | { readonly kind: 'shutdown' };

const OK: AdminAnswer = { kind: 'ok', affectedRows: 0 };

/** Carries out what operators send: ProxySQL's own commands, and SQLite for everything else. */
export class AdminCommands {
  readonly #database: AdminDatabase;
  readonly #layers: Layers;
  readonly #runtime: AdminRuntime;

  constructor(database: AdminDatabase, layers: Layers, runtime: AdminRuntime) {
    this.#database = database;
    this.#layers = layers;
    this.#runtime = runtime;
  }

  /** @throws what SQLite throws, or an Error whose message the operator gets */
  execute(text: string): AdminAnswer {
    const sql = firstStatement(text);
    const command = sql.replace(/\s+/g, ' ');
    return (
      this.#move(command) ?? this.#set(command) ?? this.#show(command) ?? this.#other(command) ?? this.#sqlite(sql)
    );
  }

  #sqlite(sql: string): AdminAnswer {
    this.#layers.refreshFor(sql);
    refreshStats(this.#database, this.#runtime, sql);
    const outcome = this.#database.run(sql);
    if ('columns' in outcome) return { kind: 'rows', result: outcome };
    return { kind: 'ok', affectedRows: outcome.changes };
  }

  /** LOAD and SAVE, in all the ways they can be put. */
  #move(command: string): AdminAnswer | undefined {
    const match =
      /^(LOAD|SAVE) (MYSQL QUERY RULES|MYSQL SERVERS|MYSQL USERS|MYSQL VARIABLES|ADMIN VARIABLES|PROXYSQL SERVERS) (TO|FROM) (RUNTIME|RUN|MEMORY|MEM|DISK)$/i.exec(
        command,
      );
    if (match === null) return undefined;
    const [, verb = '', name = '', direction = '', place = ''] = match.map((part) => part.toUpperCase());
    const module = name.toLowerCase() as ModuleName;
    switch (
      `${verb} ${direction} ${place.startsWith('RUN') ? 'RUNTIME' : place.startsWith('MEM') ? 'MEMORY' : place}`
    ) {
      case 'LOAD TO RUNTIME':
      case 'LOAD FROM MEMORY':
        this.#layers.memoryToRuntime(module);
        return OK;
      case 'SAVE TO DISK':
      case 'SAVE FROM MEMORY':
        this.#layers.memoryToDisk(module);
        return OK;
      case 'LOAD FROM DISK':
      case 'LOAD TO MEMORY':
        this.#layers.diskToMemory(module);
        return OK;
      case 'SAVE FROM RUNTIME':
      case 'SAVE TO MEMORY':
        this.#layers.runtimeToMemory(module);
        return OK;
      default:
        return undefined;
    }
  }

  #set(command: string): AdminAnswer | undefined {
    if (/^SET (?:NAMES|CHARACTER|AUTOCOMMIT|SESSION|SQL_|@@)/i.test(command)) return OK;
    const match = /^SET ([\w-]+) ?= ?(.+)$/i.exec(command);
    if (match === null) return undefined;
    const [, name = '', value = ''] = match;
    if (!VARIABLE_DEFAULTS.has(name)) {
      return { kind: 'ok', affectedRows: 0, info: `ERROR: Unknown global variable: '${name}'.` };
    }
    // As it stands: a word without quotes is SQLite's to judge, but for the two that everybody writes so.
    const quoted = /^(true|false)$/i.test(value) ? `'${value}'` : value;
    return this.#sqlite(`UPDATE global_variables SET variable_value=${quoted} WHERE variable_name='${name}'`);
  }

  #show(command: string): AdminAnswer | undefined {
    const version = /^SELECT (@@VERSION|VERSION\(\))$/i.exec(command);
    if (version !== null) return rows([version[1] as string], [[this.#runtime.variables.get('admin-version')]]);
    if (/^SELECT @@VERSION_COMMENT LIMIT 1$/i.test(command)) {
      return rows(["'(ProxySQL Admin Module)'"], [['(ProxySQL Admin Module)']]);
    }
    if (/^SELECT DATABASE\(\)$/i.test(command)) return rows(['DATABASE()'], [['admin']]);
    const variable = /^SELECT (@@([\w-]+))$/i.exec(command);
    if (variable !== null) {
      const value = this.#database.all(
        'SELECT variable_value v FROM global_variables WHERE variable_name=?',
        variable[2] ?? '',
      );
      return rows(
        [variable[1] as string],
        value.map((row) => [String(row.v)]),
      );
    }
    const select = showAsSelect(command);
    return select === undefined ? undefined : this.#sqlite(select);
  }

  #other(command: string): AdminAnswer | undefined {
    // Transactions are accepted and ignored: each statement stands for itself, a ROLLBACK takes nothing back.
    if (/^(?:BEGIN|START TRANSACTION|COMMIT|ROLLBACK)$/i.test(command)) return OK;
    if (/^(?:USE|PROXYSQL FLUSH LOGS)\b/i.test(command)) return OK;
    if (/^PROXYSQL FLUSH QUERY CACHE$/i.test(command)) {
      this.#runtime.queryCache.clear();
      return OK;
    }
    if (/^PROXYSQL (?:SHUTDOWN(?: SLOW)?|KILL)$/i.test(command)) return { kind: 'shutdown' };
    const kill = /^KILL (CONNECTION |QUERY )?(\d+)$/i.exec(command);
    if (kill === null) return undefined;
    const how = /QUERY/i.test(kill[1] ?? '') ? 'QUERY' : 'CONNECTION';
    if (!this.#runtime.killSession(Number(kill[2]), how)) throw new Error(`Unknown thread id: ${kill[2]}`);
    return OK;
  }
}

function showAsSelect(command: string): string | undefined {
  const like = /^SHOW (?:(GLOBAL|ALL|MYSQL|ADMIN) )?VARIABLES(?: LIKE (.+))?$/i.exec(command);
  if (like !== null) {
    const prefix = /^(?:MYSQL|ADMIN)$/i.test(like[1] ?? '')
      ? ` AND variable_name LIKE '${like[1]?.toLowerCase()}-%'`
      : '';
    const condition = like[2] === undefined ? '1' : `variable_name LIKE ${like[2]}`;
    return `SELECT variable_name AS Variable_name, variable_value AS Value FROM global_variables WHERE ${condition}${prefix} ORDER BY variable_name`;
  }
  const tables = /^SHOW TABLES(?: FROM (\w+))?$/i.exec(command);
  if (tables !== null) {
    return `SELECT name AS tables FROM ${tables[1] ?? 'main'}.sqlite_master WHERE type='table' AND name NOT LIKE 'sqlite_%' ORDER BY name`;
  }
  const create = /^SHOW CREATE TABLE (?:(\w+)\.)?`?(\w+)`?$/i.exec(command);
  if (create !== null) {
    return `SELECT name AS 'table', sql AS 'Create Table' FROM ${create[1] ?? 'main'}.sqlite_master WHERE type='table' AND name='${create[2]}'`;
  }
  if (/^SHOW (?:DATABASES|SCHEMAS)$/i.test(command)) return 'PRAGMA DATABASE_LIST';
  if (/^SHOW (?:FULL )?PROCESSLIST$/i.test(command)) {
    return 'SELECT SessionID, user, db, hostgroup, command, time_ms, info FROM stats_mysql_processlist';
  }
  return undefined;
}

function rows(columns: readonly string[], values: readonly (readonly string[])[]): AdminAnswer {
  return { kind: 'rows', result: { columns, rows: values } };
}

/** Without comments in front, blanks and semicolon at the end; SQLite itself stops at the end of a first statement. */
function firstStatement(text: string): string {
  return text.replace(/^(?:\s+|\/\*.*?\*\/)+/s, '').replace(/[\s;]+$/, '');
}
