// ProxySQL's configuration tables, with its column names, defaults and checks. Each exists in the schemas main and disk,
// and as runtime_… in main.

export interface ConfigTable {
  readonly name: string;
  readonly columns: string;
}

const flag = (name: string, initial: number | null) =>
  initial === null
    ? `${name} INT CHECK (${name} IN (0,1)) DEFAULT NULL`
    : `${name} INT CHECK (${name} IN (0,1)) NOT NULL DEFAULT ${initial}`;
const text = (name: string, initial = '') => `${name} VARCHAR NOT NULL DEFAULT '${initial}'`;
const json = (name: string) => `${name} VARCHAR CHECK (JSON_VALID(${name}) OR ${name} = '') NOT NULL DEFAULT ''`;
const atLeastZero = (name: string, initial: number) => `${name} INT CHECK (${name} >= 0) NOT NULL DEFAULT ${initial}`;

const SERVERS = [
  'hostgroup_id INT CHECK (hostgroup_id>=0) NOT NULL DEFAULT 0',
  'hostname VARCHAR NOT NULL',
  'port INT CHECK (port >= 0 AND port <= 65535) NOT NULL DEFAULT 3306',
  'gtid_port INT CHECK ((gtid_port <> port OR gtid_port=0) AND gtid_port >= 0 AND gtid_port <= 65535) NOT NULL DEFAULT 0',
  "status VARCHAR CHECK (UPPER(status) IN ('ONLINE','SHUNNED','OFFLINE_SOFT', 'OFFLINE_HARD')) NOT NULL DEFAULT 'ONLINE'",
  'weight INT CHECK (weight >= 0 AND weight <=10000000) NOT NULL DEFAULT 1',
  flag('compression', 0),
  atLeastZero('max_connections', 1000),
  'max_replication_lag INT CHECK (max_replication_lag >= 0 AND max_replication_lag <= 126144000) NOT NULL DEFAULT 0',
  flag('use_ssl', 0),
  'max_latency_ms INT UNSIGNED CHECK (max_latency_ms>=0) NOT NULL DEFAULT 0',
  text('comment'),
  'PRIMARY KEY (hostgroup_id, hostname, port)',
];

const USERS = [
  'username VARCHAR NOT NULL',
  'password VARCHAR',
  flag('active', 1),
  flag('use_ssl', 0),
  'default_hostgroup INT NOT NULL DEFAULT 0',
  'default_schema VARCHAR',
  flag('schema_locked', 0),
  flag('transaction_persistent', 1),
  flag('fast_forward', 0),
  flag('backend', 1),
  flag('frontend', 1),
  atLeastZero('max_connections', 10000),
  json('attributes'),
  text('comment'),
  'PRIMARY KEY (username, backend)',
  'UNIQUE (username, frontend)',
];

const RULES = [
  'rule_id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL',
  flag('active', 0),
  'username VARCHAR',
  'schemaname VARCHAR',
  'flagIN INT CHECK (flagIN >= 0) NOT NULL DEFAULT 0',
  'client_addr VARCHAR',
  'proxy_addr VARCHAR',
  'proxy_port INT CHECK (proxy_port >= 0 AND proxy_port <= 65535)',
  'digest VARCHAR',
  'match_digest VARCHAR',
  'match_pattern VARCHAR',
  flag('negate_match_pattern', 0),
  "re_modifiers VARCHAR DEFAULT 'CASELESS'",
  'flagOUT INT CHECK (flagOUT >= 0)',
  'replace_pattern VARCHAR CHECK(replace_pattern IS NULL OR match_pattern IS NOT NULL)',
  'destination_hostgroup INT DEFAULT NULL',
  'cache_ttl INT CHECK(cache_ttl > 0)',
  flag('cache_empty_result', null),
  'cache_timeout INT CHECK(cache_timeout >= 0)',
  flag('reconnect', null),
  'timeout INT UNSIGNED CHECK (timeout >= 0)',
  'retries INT CHECK (retries>=0 AND retries <=1000)',
  'delay INT UNSIGNED CHECK (delay >=0)',
  'next_query_flagIN INT UNSIGNED',
  'mirror_flagOUT INT UNSIGNED',
  'mirror_hostgroup INT UNSIGNED',
  'error_msg VARCHAR',
  'OK_msg VARCHAR',
  'sticky_conn INT CHECK (sticky_conn IN (0,1))',
  'multiplex INT CHECK (multiplex IN (0,1,2))',
  'gtid_from_hostgroup INT UNSIGNED',
  'log INT CHECK (log IN (0,1))',
  'apply INT CHECK(apply IN (0,1)) NOT NULL DEFAULT 0',
  json('attributes'),
  'comment VARCHAR',
];

const FAST_ROUTING = [
  'username VARCHAR NOT NULL',
  'schemaname VARCHAR NOT NULL',
  'flagIN INT NOT NULL DEFAULT 0',
  'destination_hostgroup INT CHECK (destination_hostgroup >= 0) NOT NULL',
  'comment VARCHAR NOT NULL',
  'PRIMARY KEY (username, schemaname, flagIN)',
];

const REPLICATION_HOSTGROUPS = [
  'writer_hostgroup INT CHECK (writer_hostgroup>=0) NOT NULL PRIMARY KEY',
  'reader_hostgroup INT NOT NULL CHECK (reader_hostgroup<>writer_hostgroup AND reader_hostgroup>=0)',
  text('check_type', 'read_only'),
  text('comment'),
  'UNIQUE (reader_hostgroup)',
];

const AURORA_HOSTGROUPS = [
  'writer_hostgroup INT CHECK (writer_hostgroup>=0) NOT NULL PRIMARY KEY',
  'reader_hostgroup INT NOT NULL CHECK (reader_hostgroup<>writer_hostgroup AND reader_hostgroup>0)',
  flag('active', 1),
  'aurora_port INT NOT NULL DEFAULT 3306',
  "domain_name VARCHAR NOT NULL CHECK (SUBSTR(domain_name,1,1) = '.')",
  'max_lag_ms INT NOT NULL DEFAULT 600000',
  'check_interval_ms INT NOT NULL DEFAULT 1000',
  'check_timeout_ms INT NOT NULL DEFAULT 800',
  flag('writer_is_also_reader', 0),
  'new_reader_weight INT NOT NULL DEFAULT 1',
  'add_lag_ms INT NOT NULL DEFAULT 30',
  'min_lag_ms INT NOT NULL DEFAULT 30',
  'lag_num_checks INT NOT NULL DEFAULT 1',
  'comment VARCHAR',
  'UNIQUE (reader_hostgroup)',
];

const CLUSTERED_HOSTGROUPS = [
  'writer_hostgroup INT CHECK (writer_hostgroup>=0) NOT NULL PRIMARY KEY',
  'backup_writer_hostgroup INT CHECK (backup_writer_hostgroup>=0) NOT NULL',
  'reader_hostgroup INT NOT NULL',
  'offline_hostgroup INT NOT NULL',
  flag('active', 1),
  'max_writers INT NOT NULL CHECK (max_writers >= 0) DEFAULT 1',
  'writer_is_also_reader INT CHECK (writer_is_also_reader IN (0,1,2)) NOT NULL DEFAULT 0',
  atLeastZero('max_transactions_behind', 0),
  'comment VARCHAR',
  'UNIQUE (reader_hostgroup)',
  'UNIQUE (offline_hostgroup)',
  'UNIQUE (backup_writer_hostgroup)',
];

const HOSTGROUP_ATTRIBUTES = [
  'hostgroup_id INT NOT NULL PRIMARY KEY',
  'max_num_online_servers INT NOT NULL DEFAULT 1000000',
  'autocommit INT CHECK (autocommit IN (-1, 0, 1)) NOT NULL DEFAULT -1',
  'free_connections_pct INT NOT NULL DEFAULT 10',
  text('init_connect'),
  flag('multiplex', 1),
  flag('connection_warming', 0),
  'throttle_connections_per_sec INT NOT NULL DEFAULT 1000000',
  json('ignore_session_variables'),
  json('hostgroup_settings'),
  json('servers_defaults'),
  text('comment'),
];

const table = (name: string, columns: readonly string[]): ConfigTable => ({ name, columns: columns.join(', ') });

export const SERVER_TABLES: readonly ConfigTable[] = [
  table('mysql_servers', SERVERS),
  table('mysql_replication_hostgroups', REPLICATION_HOSTGROUPS),
  table('mysql_group_replication_hostgroups', CLUSTERED_HOSTGROUPS),
  table('mysql_galera_hostgroups', CLUSTERED_HOSTGROUPS),
  table('mysql_aws_aurora_hostgroups', AURORA_HOSTGROUPS),
  table('mysql_hostgroup_attributes', HOSTGROUP_ATTRIBUTES),
];

export const USER_TABLES: readonly ConfigTable[] = [table('mysql_users', USERS)];

export const RULE_TABLES: readonly ConfigTable[] = [
  table('mysql_query_rules', RULES),
  table('mysql_query_rules_fast_routing', FAST_ROUTING),
];

export const PROXY_TABLES: readonly ConfigTable[] = [
  table('proxysql_servers', [
    'hostname VARCHAR NOT NULL',
    'port INT NOT NULL DEFAULT 6032',
    atLeastZero('weight', 0),
    text('comment'),
    'PRIMARY KEY (hostname, port)',
  ]),
];

export const VARIABLE_TABLES: readonly ConfigTable[] = [
  table('global_variables', ['variable_name VARCHAR NOT NULL PRIMARY KEY', 'variable_value VARCHAR NOT NULL']),
];

export const CONFIG_TABLES: readonly ConfigTable[] = [
  ...SERVER_TABLES,
  ...USER_TABLES,
  ...RULE_TABLES,
  ...PROXY_TABLES,
  ...VARIABLE_TABLES,
];

const ERROR_COLUMNS =
  "hostgroup INT NOT NULL, hostname VARCHAR NOT NULL, port INT NOT NULL, username VARCHAR NOT NULL, client_address VARCHAR NOT NULL, schemaname VARCHAR NOT NULL, errno INT NOT NULL, count_star INTEGER NOT NULL, first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL, last_error VARCHAR NOT NULL DEFAULT '', PRIMARY KEY (hostgroup, hostname, port, username, schemaname, errno)";

const STATS_COLUMNS: Readonly<Record<string, string>> = {
  stats_mysql_processlist:
    'ThreadID INT NOT NULL, SessionID INTEGER PRIMARY KEY, user VARCHAR, db VARCHAR, cli_host VARCHAR, cli_port INT, hostgroup INT, l_srv_host VARCHAR, l_srv_port INT, srv_host VARCHAR, srv_port INT, command VARCHAR, time_ms INT NOT NULL, info VARCHAR, status_flags INT, extended_info VARCHAR',
  stats_mysql_connection_pool:
    'hostgroup INT, srv_host VARCHAR, srv_port INT, status VARCHAR, ConnUsed INT, ConnFree INT, ConnOK INT, ConnERR INT, MaxConnUsed INT, Queries INT, Queries_GTID_sync INT, Bytes_data_sent INT, Bytes_data_recv INT, Latency_us INT',
  stats_mysql_query_rules: 'rule_id INTEGER PRIMARY KEY, hits INT NOT NULL',
  stats_mysql_users:
    'username VARCHAR PRIMARY KEY, frontend_connections INT NOT NULL, frontend_max_connections INT NOT NULL',
  stats_mysql_global: 'Variable_Name VARCHAR NOT NULL PRIMARY KEY, Variable_Value VARCHAR NOT NULL',
  stats_mysql_query_digest:
    'hostgroup INT, schemaname VARCHAR NOT NULL, username VARCHAR NOT NULL, client_address VARCHAR NOT NULL, digest VARCHAR NOT NULL, digest_text VARCHAR NOT NULL, count_star INTEGER NOT NULL, first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL, sum_time INTEGER NOT NULL, min_time INTEGER NOT NULL, max_time INTEGER NOT NULL, sum_rows_affected INTEGER NOT NULL, sum_rows_sent INTEGER NOT NULL',
  stats_mysql_query_digest_reset:
    'hostgroup INT, schemaname VARCHAR NOT NULL, username VARCHAR NOT NULL, client_address VARCHAR NOT NULL, digest VARCHAR NOT NULL, digest_text VARCHAR NOT NULL, count_star INTEGER NOT NULL, first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL, sum_time INTEGER NOT NULL, min_time INTEGER NOT NULL, max_time INTEGER NOT NULL, sum_rows_affected INTEGER NOT NULL, sum_rows_sent INTEGER NOT NULL',
  stats_mysql_commands_counters:
    'Command VARCHAR NOT NULL PRIMARY KEY, Total_Time_us INT NOT NULL, Total_cnt INT NOT NULL, cnt_100us INT NOT NULL, cnt_500us INT NOT NULL, cnt_1ms INT NOT NULL, cnt_5ms INT NOT NULL, cnt_10ms INT NOT NULL, cnt_50ms INT NOT NULL, cnt_100ms INT NOT NULL, cnt_500ms INT NOT NULL, cnt_1s INT NOT NULL, cnt_5s INT NOT NULL, cnt_10s INT NOT NULL, cnt_INFs INT',
  stats_mysql_errors: ERROR_COLUMNS,
  stats_mysql_errors_reset: ERROR_COLUMNS,
  stats_mysql_prepared_statements_info:
    'global_stmt_id INT NOT NULL, schemaname VARCHAR NOT NULL, username VARCHAR NOT NULL, digest VARCHAR NOT NULL, ref_count_client INT NOT NULL, ref_count_server INT NOT NULL, num_columns INT NOT NULL, num_params INT NOT NULL, query VARCHAR NOT NULL',
};

export const STATS_TABLES: readonly ConfigTable[] = Object.entries(STATS_COLUMNS).map(([name, columns]) => ({
  name,
  columns,
}));

/** What the monitor has found, in a database of its own; empty where it is off. */
export const MONITOR_TABLES: readonly ConfigTable[] = [
  {
    name: 'mysql_server_ping_log',
    columns:
      'hostname VARCHAR NOT NULL, port INT NOT NULL DEFAULT 3306, time_start_us INT NOT NULL DEFAULT 0, ping_success_time_us INT DEFAULT 0, ping_error VARCHAR, PRIMARY KEY (hostname, port, time_start_us)',
  },
];

export const CHECKSUMS_TABLE: ConfigTable = {
  name: 'runtime_checksums_values',
  columns: 'name VARCHAR NOT NULL PRIMARY KEY, version INT NOT NULL, epoch INT NOT NULL, checksum VARCHAR NOT NULL',
};
