import { z } from 'zod';
import type { Finding } from '../../../ports/finding.ts';
import { hostgroupsOf } from '../config.ts';
import type { ProxyFindingsInput } from './input.ts';

const row = z.object({ hostgroup: z.coerce.number(), host: z.string(), port: z.coerce.number(), status: z.string() });

/** The cluster's hostgroups at this proxy have a server that can serve. */
export async function destinationFindings({
  proxy,
  admin,
  routing,
  org,
  signal,
}: ProxyFindingsInput): Promise<Finding[]> {
  const { writerHostgroup, readerHostgroup } = hostgroupsOf(routing, 'cluster', org.homeRegion);
  const wanted = [writerHostgroup, ...(readerHostgroup === undefined ? [] : [readerHostgroup])];
  const rows = await admin.rows(
    `SELECT hostgroup_id AS hostgroup, hostname AS host, port, status FROM runtime_mysql_servers
      WHERE hostgroup_id IN (${wanted.join(', ')})`,
    signal,
  );
  const servers = rows.map((each) => row.parse(each));
  return wanted.flatMap((hostgroup): Finding[] => {
    const here = servers.filter((server) => server.hostgroup === hostgroup);
    if (here.some(({ status }) => status === 'ONLINE')) return [];
    return [
      {
        code: 'PROXY_DESTINATION_DOWN',
        severity: 'refuse',
        message: `proxy ${proxy}: hostgroup ${hostgroup} of ${org.homeRegion} has no server that is online`,
        remedy: 'Put the cluster’s endpoint into the hostgroup, or see why the proxy does not reach it.',
        evidence: { proxy, hostgroup, servers: here.map(({ host, port, status }) => `${host}:${port} ${status}`) },
      },
    ];
  });
}
