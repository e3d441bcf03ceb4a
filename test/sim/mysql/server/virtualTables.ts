import type { VirtualTable } from '../evaluate/environment.ts';
import { timeText } from '../evaluate/time.ts';
import type { Value } from '../sql/value.ts';
import type { ServerCore } from './core.ts';

type Rows = (core: ServerCore) => readonly (readonly Value[])[];

interface Definition {
  readonly columns: string;
  readonly rows: Rows;
}

const none: Rows = () => [];

const COMMON = ['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRIGGER', 'EVENT', 'PROCESS'];

/** Every account of the simulation may do anything. */
const PRIVILEGES: Readonly<Record<'mariadb' | 'mysql', readonly string[]>> = {
  mariadb: [...COMMON, 'BINLOG MONITOR', 'CONNECTION ADMIN'],
  mysql: [...COMMON, 'REPLICATION CLIENT', 'CONNECTION_ADMIN', 'XA_RECOVER_ADMIN'],
};

/** `secret`, as the proxies of the simulation have it. */
const PASSWORD = '*14E65567ABDB5135D0CFD9A70B3032C179A49EE7';

/** Tables that a server makes up, with the columns that the controller reads. */
const TABLES: Readonly<Record<string, Definition>> = {
  'information_schema.columns': {
    columns:
      'TABLE_SCHEMA TABLE_NAME COLUMN_NAME ORDINAL_POSITION COLUMN_TYPE IS_NULLABLE CHARACTER_SET_NAME COLLATION_NAME EXTRA',
    rows: (core) =>
      core.catalog
        .tables()
        .flatMap((table) =>
          table.columns.map((column, index) => [
            table.schema,
            table.name,
            column.name,
            index + 1,
            column.type,
            column.nullable ? 'YES' : 'NO',
            column.characterSet,
            column.collation,
            column.autoIncrement ? 'auto_increment' : '',
          ]),
        ),
  },
  'information_schema.tables': {
    columns: 'TABLE_SCHEMA TABLE_NAME TABLE_TYPE ENGINE TABLE_ROWS AUTO_INCREMENT',
    rows: (core) =>
      core.catalog
        .tables()
        .map((table) => [
          table.schema,
          table.name,
          'BASE TABLE',
          'InnoDB',
          table.rows().length,
          table.autoIncrement < 0 ? null : core.nextId(table),
        ]),
  },
  'information_schema.statistics': {
    columns: 'TABLE_SCHEMA TABLE_NAME INDEX_NAME NON_UNIQUE COLUMN_NAME SEQ_IN_INDEX',
    rows: (core) =>
      core.catalog
        .tables()
        .flatMap((table) =>
          [{ name: 'PRIMARY', columns: table.primary }, ...table.unique].flatMap(({ name, columns }) =>
            columns.map((column, at) => [table.schema, table.name, name, 0, table.columns[column]?.name ?? '', at + 1]),
          ),
        ),
  },
  'information_schema.triggers': {
    columns:
      'TRIGGER_SCHEMA TRIGGER_NAME EVENT_MANIPULATION EVENT_OBJECT_SCHEMA EVENT_OBJECT_TABLE ACTION_TIMING DEFINER',
    rows: (core) =>
      core.catalog.triggers.map(({ schema, statement, definer }) => [
        schema,
        statement.name,
        statement.event,
        statement.table.schema ?? schema,
        statement.table.table,
        'BEFORE',
        definer,
      ]),
  },
  'information_schema.referential_constraints': {
    columns:
      'CONSTRAINT_SCHEMA CONSTRAINT_NAME TABLE_NAME UNIQUE_CONSTRAINT_SCHEMA REFERENCED_TABLE_NAME UPDATE_RULE DELETE_RULE',
    rows: none,
  },
  'information_schema.events': { columns: 'EVENT_SCHEMA EVENT_NAME STATUS EVENT_DEFINITION', rows: none },
  'information_schema.partitions': { columns: 'TABLE_SCHEMA TABLE_NAME PARTITION_NAME', rows: none },
  'information_schema.user_privileges': {
    columns: 'GRANTEE PRIVILEGE_TYPE',
    rows: (core) =>
      [...new Set(core.sessions.map(({ user }) => user))].flatMap((user) =>
        PRIVILEGES[core.options.flavour].map((privilege) => [`'${user}'@'%'`, privilege]),
      ),
  },
  'information_schema.schema_privileges': { columns: 'GRANTEE TABLE_SCHEMA PRIVILEGE_TYPE', rows: none },
  'information_schema.table_privileges': { columns: 'GRANTEE TABLE_SCHEMA TABLE_NAME PRIVILEGE_TYPE', rows: none },
  'information_schema.processlist': {
    columns: 'ID USER HOST STATE COMMAND QUERY_ID',
    rows: (core) =>
      core.sessions.map(({ id, user, host, running, queryId }) => [
        id,
        user,
        `${host}:1`,
        running ? 'executing' : '',
        running ? 'Query' : 'Sleep',
        queryId,
      ]),
  },
  'information_schema.innodb_trx': {
    columns: 'trx_id trx_state trx_started trx_mysql_thread_id',
    rows: (core) =>
      [...core.transactions.open].map((transaction) => [
        transaction.id,
        core.transactions.locks.isWaiting(transaction) ? 'LOCK WAIT' : 'RUNNING',
        timeText(transaction.startedMs * 1_000, 0),
        transaction.owner.id,
      ]),
  },
  'information_schema.innodb_metrics': {
    columns: 'NAME COUNT',
    rows: () => [['trx_rseg_history_len', 0]],
  },
  'information_schema.innodb_lock_waits': {
    columns: 'requesting_trx_id blocking_trx_id',
    rows: (core) => lockWaits(core).map(([waiting, blocking]) => [waiting.id, blocking.id]),
  },
  'performance_schema.data_lock_waits': {
    columns: 'REQUESTING_THREAD_ID BLOCKING_THREAD_ID',
    rows: (core) => lockWaits(core).map(([waiting, blocking]) => [waiting.owner.id, blocking.owner.id]),
  },
  'performance_schema.events_transactions_current': {
    columns: 'THREAD_ID STATE TIMER_WAIT',
    rows: (core) =>
      [...core.transactions.open].map(({ owner, startedMs }) => [
        owner.id,
        'ACTIVE',
        Math.max(0, core.clock.nowMs() - startedMs) * 1_000_000_000,
      ]),
  },
  'performance_schema.threads': {
    columns: 'THREAD_ID PROCESSLIST_ID PROCESSLIST_USER PROCESSLIST_HOST PROCESSLIST_STATE',
    rows: (core) => core.sessions.map(({ id, user, host }) => [id, id, user, host, '']),
  },
  'mysql.user': {
    columns:
      'User Host plugin authentication_string ssl_type password_expired max_user_connections account_locked Select_priv Insert_priv Update_priv Delete_priv Create_priv Repl_slave_priv Repl_client_priv',
    rows: (core) =>
      [...new Set([...core.sessions.map(({ user }) => user), ...(core.options.accounts ?? [])])].map((user) => [
        user,
        '%',
        'mysql_native_password',
        PASSWORD,
        '',
        'N',
        0,
        'N',
        ...Array.from({ length: 7 }, () => 'Y'),
      ]),
  },
  'mysql.db': {
    columns: 'User Host Db Select_priv Insert_priv Update_priv Delete_priv Create_priv',
    rows: none,
  },
  'mysql.tables_priv': { columns: 'User Host Db Table_name Table_priv', rows: none },
  'mysql.roles_mapping': { columns: 'User Host', rows: none },
  'mysql.role_edges': { columns: 'TO_USER TO_HOST', rows: none },
};

function lockWaits(core: ServerCore) {
  const { locks, open } = core.transactions;
  return [...open].flatMap((waiting) => locks.blockersOf(waiting).map((blocking) => [waiting, blocking] as const));
}

const columns = new Map<string, readonly string[]>();

/** The table of that name, lower case; null where the server has none. */
export function virtualTable(core: ServerCore, schema: string, table: string): VirtualTable | null {
  const name = `${schema}.${table}`;
  const definition = TABLES[name];
  if (definition === undefined) return null;
  let names = columns.get(name);
  if (names === undefined) {
    names = definition.columns.split(' ');
    columns.set(name, names);
  }
  return { columns: names, rows: () => definition.rows(core) };
}
