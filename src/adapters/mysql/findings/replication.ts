import { z } from 'zod';
import type { Finding } from '../../../ports/finding.ts';

import { text } from '../rows.ts';
import type { FindingsInput } from './input.ts';

const replicaRow = z.object({
  Connection_name: text.optional(),
  Master_Host: text,
  Slave_IO_Running: text,
  Slave_SQL_Running: text,
  Last_IO_Errno: text,
  Last_SQL_Errno: text,
});

/** Replication between the sites, as this site receives it. */
export async function replicationFindings({ context, session }: FindingsInput): Promise<readonly Finding[]> {
  if (context.key.kind !== 'site' || session.dialect.flavour !== 'mariadb') return [];
  const place = context.key.name;
  const rows = await session.rows(replicaRow, session.dialect.replicaStatus);
  if (rows.length === 0) {
    return [
      {
        code: 'REPLICATION_NOT_RUNNING',
        severity: 'refuse',
        message: `${place} replicates from no other site`,
        remedy: 'Set up replication between the sites in both directions.',
        evidence: { place, connections: 0 },
      },
    ];
  }
  return rows
    .filter((row) => row.Slave_IO_Running !== 'Yes' || row.Slave_SQL_Running !== 'Yes')
    .map((row) => ({
      code: 'REPLICATION_NOT_RUNNING',
      severity: 'refuse',
      message: `${place} does not receive what ${row.Master_Host} writes`,
      remedy: 'Look at SHOW ALL SLAVES STATUS there, remove the cause and start replication.',
      // Numbers only: the texts of errors can hold customers' rows.
      evidence: {
        place,
        connection: row.Connection_name ?? '',
        from: row.Master_Host,
        receives: row.Slave_IO_Running,
        applies: row.Slave_SQL_Running,
        receiveErrno: row.Last_IO_Errno,
        applyErrno: row.Last_SQL_Errno,
      },
    }));
}
