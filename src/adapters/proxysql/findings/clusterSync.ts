import { z } from 'zod';
import type { Finding } from '../../../ports/finding.ts';
import type { ProxyFindingsInput } from './input.ts';

const peerRow = z.object({ peers: z.coerce.number() });
const variableRow = z.object({ name: z.string(), value: z.string().nullable() });

/** ProxySQL's own synchronisation would bring one proxy's rules or servers to another while an attempt changes them. */
export async function clusterSyncFindings({ proxy, admin, signal }: ProxyFindingsInput): Promise<Finding[]> {
  const [row] = await admin.rows('SELECT COUNT(*) AS peers FROM runtime_proxysql_servers', signal);
  const { peers } = peerRow.parse(row);
  if (peers === 0) return [];
  const variables = await admin.rows(
    `SELECT variable_name AS name, variable_value AS value FROM runtime_global_variables WHERE variable_name IN
       ('admin-cluster_mysql_query_rules_diffs_before_sync', 'admin-cluster_mysql_servers_diffs_before_sync')`,
    signal,
  );
  const on = variables.map((each) => variableRow.parse(each)).filter(({ value }) => value !== '0');
  if (on.length === 0) return [];
  return [
    {
      code: 'PROXY_CLUSTER_SYNC',
      severity: 'refuse',
      message: `proxy ${proxy} takes rules or servers over from ${peers} others: ${on.map(({ name, value }) => `${name} is ${value}`).join(', ')}`,
      remedy: 'Set these variables to 0 on every instance while orgs move; the controller writes to each of them.',
      evidence: { proxy, peers, variables: Object.fromEntries(on.map(({ name, value }) => [name, value])) },
    },
  ];
}
