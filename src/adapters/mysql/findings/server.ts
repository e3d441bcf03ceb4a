import { z } from 'zod';
import type { Finding } from '../../../ports/finding.ts';

import { endpointKind } from '../endpointKind.ts';
import { flag, text } from '../rows.ts';
import type { FindingsInput } from './input.ts';

const binlogRow = z.object({ logBin: flag, format: text, image: text });
const siteRow = z.object({ logsReplicated: flag, triggersForRows: text });
const shownRow = z.object({ shown: flag });
const readOnlyRow = z.object({ readOnly: flag, innodbReadOnly: flag });

/** The server's own settings. */
export async function serverFindings({ context, host, session }: FindingsInput): Promise<readonly Finding[]> {
  const place = context.key.name;
  const found: Finding[] = [];

  const binlog = await session.row(
    binlogRow,
    'SELECT @@GLOBAL.log_bin AS logBin, @@GLOBAL.binlog_format AS format, @@GLOBAL.binlog_row_image AS image',
  );
  if (binlog === null || !binlog.logBin || binlog.format !== 'ROW' || binlog.image !== 'FULL') {
    found.push({
      code: 'BINLOG_NOT_ROW',
      severity: 'refuse',
      message: `${place} does not write a binlog of full rows, from which a task could read`,
      remedy: 'Set log_bin, binlog_format=ROW and binlog_row_image=FULL and end the sessions that began before.',
      evidence: { place, logBin: binlog?.logBin, format: binlog?.format, rowImage: binlog?.image },
    });
  }

  const readOnly = await session.row(
    readOnlyRow,
    'SELECT @@GLOBAL.read_only AS readOnly, @@GLOBAL.innodb_read_only AS innodbReadOnly',
  );
  if (readOnly === null || readOnly.readOnly || readOnly.innodbReadOnly) {
    found.push({
      code: context.key.kind === 'cluster' ? 'CLUSTER_READ_ONLY' : 'SITE_READ_ONLY',
      severity: 'refuse',
      message: `${place} refuses writes: it is read-only`,
      remedy: 'Point the configuration at the writer, or wait until a failover has ended.',
      evidence: { place, readOnly: readOnly?.readOnly, innodbReadOnly: readOnly?.innodbReadOnly },
    });
  }

  if (context.key.kind === 'site') found.push(...(await siteSettings(place, session)));
  else found.push(...endpointFindings(place, host), ...(await hiddenSessions(place, session)));
  return found;
}

/** MySQL has sessions, their locks and their transactions nowhere else without converting everybody's statements. */
async function hiddenSessions(place: string, session: FindingsInput['session']): Promise<readonly Finding[]> {
  if (session.dialect.flavour !== 'mysql') return [];
  const row = await session.row(shownRow, 'SELECT @@GLOBAL.performance_schema AS shown');
  if (row?.shown === true) return [];
  return [
    {
      code: 'PERFORMANCE_SCHEMA_OFF',
      severity: 'refuse',
      message: `${place} does not show its sessions: who waits for a comparison's views, who blocks a fence and who is connected cannot be seen there`,
      remedy: 'Set performance_schema=1 in the cluster’s parameter group and restart its instances.',
      evidence: { place },
    },
  ];
}

async function siteSettings(place: string, session: FindingsInput['session']): Promise<readonly Finding[]> {
  const found: Finding[] = [];
  // MySQL knows neither name in this spelling; a site is a MariaDB.
  if (session.dialect.flavour !== 'mariadb') {
    return [
      {
        code: 'SITE_NOT_MARIADB',
        severity: 'refuse',
        message: `${place} is not a MariaDB server`,
        remedy: 'Compare the host of the site in the configuration.',
        evidence: { place, version: session.dialect.version },
      },
    ];
  }
  const settings = await session.row(
    siteRow,
    'SELECT @@GLOBAL.log_slave_updates AS logsReplicated, @@GLOBAL.slave_run_triggers_for_rbr AS triggersForRows',
  );
  if (!settings?.logsReplicated) {
    found.push({
      code: 'SLAVE_UPDATES_NOT_LOGGED',
      severity: 'refuse',
      message: `${place} does not log what it receives from the other site, so a task that reads here misses it`,
      remedy: 'Set log_slave_updates=ON and restart the server.',
      evidence: { place },
    });
  }
  if (settings?.triggersForRows !== 'NO') {
    found.push({
      code: 'SLAVE_TRIGGERS_RUN',
      severity: 'refuse',
      message: `${place} runs triggers for replicated rows: a closed fence would stop replication between the sites`,
      remedy: 'Set slave_run_triggers_for_rbr=NO.',
      evidence: { place, slaveRunTriggersForRbr: settings?.triggersForRows },
    });
  }
  return found;
}

/** What is no writer endpoint does not follow the writer in a failover. Exported for names that no lab has. */
export function endpointFindings(place: string, host: string): Finding[] {
  const kind = endpointKind(host);
  if (kind === null || kind === 'writer') return [];
  return [
    {
      code: 'CLUSTER_ENDPOINT_NOT_WRITER',
      severity: kind === 'instance' ? 'warn' : 'refuse',
      message: `${place} is reached by an endpoint of Aurora’s that is no writer endpoint (${kind}): it does not follow the writer`,
      remedy: 'Give the cluster’s writer endpoint (….cluster-….rds.amazonaws.com) as its host.',
      evidence: { place, host, kind },
    },
  ];
}
