import { z } from 'zod';
import type { Finding } from '../../../ports/finding.ts';

import { flag, text } from '../rows.ts';
import type { FindingsInput } from './input.ts';

const binlogRow = z.object({ logBin: flag, format: text, image: text });
const siteRow = z.object({ logsReplicated: flag, triggersForRows: text });
const readOnlyRow = z.object({ readOnly: flag, innodbReadOnly: flag });

/** The server's own settings. */
export async function serverFindings({ context, session }: FindingsInput): Promise<readonly Finding[]> {
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
  return found;
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
