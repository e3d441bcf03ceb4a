import { z } from 'zod';
import type { Inspection } from '../../ports/routing.ts';
import type { AdminSession } from './admin.ts';
import type { RoutingConfig } from './config.ts';

/** Oldest version that carries prepared statements over a flip. */
const oldestVersion = [2, 1] as const;

/** Below the oldest version that the controller works with. */
export function isTooOld(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  return major < oldestVersion[0] || (major === oldestVersion[0] && minor < oldestVersion[1]);
}

const variableRow = z.object({ variable_name: z.string(), variable_value: z.string().nullable() });

/** Version and settings that the flip rests on. Changes nothing. */
export async function inspectProxy(
  admin: AdminSession,
  routing: RoutingConfig,
  signal?: AbortSignal,
): Promise<Inspection> {
  const rows = await admin.rows(
    `SELECT variable_name, variable_value FROM runtime_global_variables WHERE variable_name IN
       ('admin-version', 'mysql-connect_timeout_server_max', 'mysql-show_processlist_extended',
        'mysql-query_processor_regex', 'mysql-enforce_autocommit_on_reads', 'mysql-query_digests',
        'mysql-query_digests_keep_comment')`,
    signal,
  );
  const variables = new Map(
    rows.map((row) => variableRow.parse(row)).map((row) => [row.variable_name, row.variable_value]),
  );
  const version = variables.get('admin-version') ?? '0';
  const connectTimeoutMs = Number(variables.get('mysql-connect_timeout_server_max') ?? 0);
  const refusals: string[] = [];
  const tooOld = isTooOld(version)
    ? `version ${version} is older than ${oldestVersion.join('.')}: prepared statements would not follow the flip`
    : null;
  if (tooOld !== null) refusals.push(tooOld);
  if (connectTimeoutMs <= routing.longestHoldMs) {
    refusals.push(
      `mysql-connect_timeout_server_max is ${connectTimeoutMs} ms, not above the longest hold of ${routing.longestHoldMs} ms (budget of a flip, lease, 1 s)`,
    );
  }
  if (Number(variables.get('mysql-show_processlist_extended') ?? 0) < 1) {
    refusals.push('mysql-show_processlist_extended is 0: open transactions could not be seen');
  }
  if (Number(variables.get('mysql-query_processor_regex') ?? 1) !== 1) {
    refusals.push('mysql-query_processor_regex is not 1 (PCRE): plain reads could not be told from others');
  }
  if (variables.get('mysql-query_digests') === 'false') {
    refusals.push(
      'mysql-query_digests is false: rules by digest match every statement, and writes would pass as reads',
    );
  }
  if (variables.get('mysql-query_digests_keep_comment') === 'true') {
    refusals.push('mysql-query_digests_keep_comment is true: an annotated read would not be seen as one, and be held');
  }
  if (variables.get('mysql-enforce_autocommit_on_reads') === 'true') {
    refusals.push('mysql-enforce_autocommit_on_reads is true: a read would pin the session to its side');
  }
  return { version, refusals, tooOld, connectTimeoutMs };
}
