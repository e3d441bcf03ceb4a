/** A row of mysql_query_rules; every column that has an effect here, as it is named there. */
export interface RuleRow {
  readonly rule_id: number;
  readonly username: string | null;
  readonly schemaname: string | null;
  readonly flagIN: number;
  readonly client_addr: string | null;
  readonly proxy_port: number | null;
  readonly digest: string | null;
  readonly match_digest: string | null;
  readonly match_pattern: string | null;
  readonly negate_match_pattern: number;
  readonly re_modifiers: string | null;
  readonly flagOUT: number | null;
  readonly replace_pattern: string | null;
  readonly destination_hostgroup: number | null;
  readonly cache_ttl: number | null;
  readonly timeout: number | null;
  readonly retries: number | null;
  readonly delay: number | null;
  readonly next_query_flagIN: number | null;
  readonly error_msg: string | null;
  readonly OK_msg: string | null;
  readonly multiplex: number | null;
  readonly apply: number;
}

/** A row of mysql_query_rules_fast_routing. */
export interface FastRouteRow {
  readonly username: string;
  readonly schemaname: string;
  readonly flagIN: number;
  readonly destination_hostgroup: number;
}
