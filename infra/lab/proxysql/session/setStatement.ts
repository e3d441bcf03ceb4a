// Which SET statements ProxySQL keeps track of. A tracked one is answered by the proxy itself and carried to whatever
// backend connection the session uses next; any other locks the session to its hostgroup.

/** One assignment that the proxy keeps track of. */
export interface TrackedAssignment {
  /** `names`, `autocommit`, `isolation`, `nextIsolation`, `readOnly`, `nextReadOnly`, or a variable's own name. */
  readonly name: string;
  /** As it is sent to the backend; for autocommit '0' or '1'. */
  readonly value: string;
}

/** Assignments to track, or `untracked` when at least one cannot be. */
export type SetOutcome =
  | { readonly kind: 'tracked'; readonly assignments: readonly TrackedAssignment[] }
  | { readonly kind: 'untracked'; readonly assignments: readonly TrackedAssignment[] };

const TRACKED = new Set(
  `aurora_read_replica_read_committed auto_increment_increment auto_increment_offset big_tables
   character_set_client character_set_connection character_set_database character_set_results collation_connection
   default_storage_engine default_tmp_storage_engine foreign_key_checks group_concat_max_len
   group_replication_consistency gtid_next innodb_lock_wait_timeout innodb_strict_mode innodb_table_locks
   join_buffer_size lc_messages lc_time_names lock_wait_timeout log_slow_filter long_query_time max_execution_time
   max_heap_table_size max_join_size max_sort_length max_statement_time optimizer_prune_level optimizer_search_depth
   optimizer_switch optimizer_use_condition_selectivity profiling query_cache_type session_track_gtids sort_buffer_size
   sql_auto_is_null sql_big_selects sql_generate_invisible_primary_key sql_log_bin sql_mode sql_quote_show_create
   sql_require_primary_key sql_safe_updates sql_select_limit time_zone timestamp tmp_table_size unique_checks
   wsrep_osu_method wsrep_sync_wait`.split(/\s+/),
);

/** Accepted and forgotten. */
const IGNORED = new Set(
  `interactive_timeout wait_timeout net_read_timeout net_write_timeout net_buffer_length read_buffer_size
   read_rnd_buffer_size session_track_schema`.split(/\s+/),
);

/** @param sql a statement whose digest starts with `SET `, without comments in front */
export function parseSet(sql: string): SetOutcome {
  const body = sql
    .replace(/\/\*(?!!).*?\*\//gs, ' ')
    .replace(/[\s;]+$/, '')
    .replace(/^\s*set\s+/i, '');
  const transaction = /^(session\s+|local\s+|@@session\.)?transaction\s+(.*)$/is.exec(body);
  if (transaction !== null) return parseTransaction(transaction[1] !== undefined, transaction[2] ?? '');
  const assignments: TrackedAssignment[] = [];
  let untracked = false;
  for (const part of splitAtCommas(body)) {
    const assignment = parseAssignment(part.trim());
    if (assignment === 'ignored') continue;
    if (assignment === undefined) untracked = true;
    else assignments.push(assignment);
  }
  return { kind: untracked ? 'untracked' : 'tracked', assignments };
}

function parseTransaction(session: boolean, characteristics: string): SetOutcome {
  const assignments: TrackedAssignment[] = [];
  for (const part of characteristics.split(',')) {
    const level = /^\s*isolation\s+level\s+(read\s+(?:un)?committed|repeatable\s+read|serializable)\s*$/i.exec(part);
    const access = /^\s*read\s+(only|write)\s*$/i.exec(part);
    if (level !== null) {
      const value = (level[1] ?? '').toUpperCase().replace(/\s+/g, ' ');
      assignments.push({ name: session ? 'isolation' : 'nextIsolation', value });
    } else if (access !== null) {
      assignments.push({ name: session ? 'readOnly' : 'nextReadOnly', value: (access[1] ?? '').toUpperCase() });
    } else {
      return { kind: 'untracked', assignments };
    }
  }
  return { kind: 'tracked', assignments };
}

function parseAssignment(part: string): TrackedAssignment | 'ignored' | undefined {
  const names = /^names\s+(['"]?)(\w+)\1(?:\s+collate\s+(['"]?)(\w+)\3)?$/i.exec(part);
  if (names !== null) {
    return { name: 'names', value: names[4] === undefined ? `${names[2]}` : `${names[2]} COLLATE ${names[4]}` };
  }
  const charset = /^(?:character\s+set|charset)\s+(['"]?)(\w+)\1$/i.exec(part);
  if (charset !== null) return { name: 'names', value: `${charset[2]}` };
  const match = /^(?:@@(?:session\.|local\.)?|session\s+|local\s+)?`?(\w+)`?\s*:?=\s*(.+)$/is.exec(part);
  if (match === null || /^(?:@@)?global\b/i.test(part)) return undefined;
  const name = (match[1] ?? '').toLowerCase();
  const value = (match[2] ?? '').trim();
  if (IGNORED.has(name)) return 'ignored';
  const plain = /^(['"])((?:(?!\1).)*)\1$|^([-\w.:+/]+)$/s.exec(value);
  if (plain === null) return undefined;
  const text = plain[2] ?? plain[3] ?? '';
  if (name === 'autocommit') {
    if (/^(0|off|false)$/i.test(text)) return { name, value: '0' };
    if (/^(1|on|true)$/i.test(text)) return { name, value: '1' };
    return undefined;
  }
  if (name === 'tx_isolation' || name === 'transaction_isolation') {
    return { name: 'isolation', value: text.toUpperCase().replaceAll('-', ' ') };
  }
  if (name === 'tx_read_only' || name === 'transaction_read_only') {
    return { name: 'readOnly', value: /^(1|on|true)$/i.test(text) ? 'ONLY' : 'WRITE' };
  }
  return TRACKED.has(name) ? { name, value } : undefined;
}

/** Splits at commas that are not in quotes or parentheses. */
function splitAtCommas(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let quote = '';
  let start = 0;
  for (let index = 0; index < text.length; index++) {
    const character = text[index] as string;
    if (quote !== '') {
      if (character === '\\') index++;
      else if (character === quote) quote = '';
    } else if (character === "'" || character === '"' || character === '`') quote = character;
    else if (character === '(') depth++;
    else if (character === ')') depth--;
    else if (character === ',' && depth === 0) {
      parts.push(text.slice(start, index));
      start = index + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}
