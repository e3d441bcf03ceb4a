import type { Finding } from '../ports/finding.ts';
import type { Check } from './finding.ts';
import { readSettings, type SettingsAt } from './placeSettings.ts';

/** DMS asks for a day at least; a task that stands still for longer than this cannot go on (seconds). */
const leastS = 86_400;

/** Binlogs are kept long enough for a task that has stopped, on the way there and on the way back. */
export const retentionFindings: Check = async (estate, { homeRegion }) => {
  const { sites, cluster } = await readSettings(estate, homeRegion);
  return [...sites, cluster].flatMap(retentionOf);
};

/** Exported for what no lab has: an Aurora that does not tell. */
export function retentionOf({ place, binlogKeptS }: Pick<SettingsAt, 'place' | 'binlogKeptS'>): Finding[] {
  if (binlogKeptS === 'unknown') {
    return [
      {
        code: 'BINLOG_RETENTION_UNKNOWN',
        severity: 'warn',
        message: `${place} does not tell how long it keeps its binlogs`,
        remedy:
          'Grant the controller SELECT on mysql.rds_configuration, or see to it: CALL mysql.rds_show_configuration.',
        evidence: { place },
      },
    ];
  }
  if (binlogKeptS === null || binlogKeptS >= leastS) return [];
  return [
    {
      code: 'BINLOG_RETENTION_SHORT',
      severity: 'refuse',
      message: `${place} keeps its binlogs for ${binlogKeptS} s: a task that stands still for longer has to begin anew`,
      remedy:
        'Keep them for a day at least: binlog_expire_logs_seconds, or expire_logs_days; on Aurora mysql.rds_set_configuration, binlog retention hours.',
      evidence: { place, binlogKeptS, leastS },
    },
  ];
}
