import type { Value } from '../sql/value.ts';

/** What a server's variables are after its start. */
export function globalVariables({
  flavour,
  serverId,
  domain,
}: {
  readonly flavour: 'mariadb' | 'mysql';
  readonly serverId: number;
  readonly domain: number;
}): Map<string, Value> {
  const variables: [string, Value][] = [
    ['server_id', serverId],
    ['log_bin', 1],
    ['binlog_format', 'ROW'],
    ['binlog_row_image', 'FULL'],
    ['read_only', 0],
    ['innodb_read_only', 0],
    ['require_secure_transport', 0],
    ['auto_increment_increment', 1],
    ['auto_increment_offset', 1],
    ['max_allowed_packet', 67_108_864],
    ['max_connections', 10_000],
    ['collation_server', 'utf8mb4_general_ci'],
    ['system_time_zone', 'UTC'],
    ['time_zone', 'SYSTEM'],
    ['sql_mode', 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION'],
    ['character_set_results', 'utf8mb4'],
    ['autocommit', 1],
    ['lock_wait_timeout', 86_400],
    ['innodb_lock_wait_timeout', 50],
    ['wait_timeout', 28_800],
  ];
  if (flavour === 'mariadb') {
    variables.push(
      ['log_slave_updates', 1],
      ['slave_run_triggers_for_rbr', 'NO'],
      ['gtid_domain_id', domain],
      ['tx_isolation', 'REPEATABLE-READ'],
      ['expire_logs_days', 7],
    );
  } else {
    variables.push(
      ['information_schema_stats_expiry', 86_400],
      ['performance_schema', 1],
      ['transaction_isolation', 'REPEATABLE-READ'],
      ['binlog_expire_logs_seconds', 604_800],
    );
  }
  return new Map(variables);
}
