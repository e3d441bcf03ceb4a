import type { Check } from './finding.ts';
import { readSettings } from './placeSettings.ts';

/** DMS asks for a day at least; a task that stands still for longer than this cannot go on (seconds). */
const leastS = 86_400;

/** Binlogs are kept long enough for a task that has stopped, on the way there and on the way back. */
export const retentionFindings: Check = async (estate, { homeRegion }) => {
  const { sites, cluster } = await readSettings(estate, homeRegion);
  return [...sites, cluster].flatMap(({ place, binlogKeptS }) =>
    binlogKeptS === null || binlogKeptS >= leastS
      ? []
      : [
          {
            code: 'BINLOG_RETENTION_SHORT',
            severity: 'refuse' as const,
            message: `${place} keeps its binlogs for ${binlogKeptS} s: a task that stands still for longer has to begin anew`,
            remedy:
              'Keep them for a day at least: binlog_expire_logs_seconds, or expire_logs_days; on Aurora mysql.rds_set_configuration, binlog retention hours.',
            evidence: { place, binlogKeptS, leastS },
          },
        ],
  );
};
