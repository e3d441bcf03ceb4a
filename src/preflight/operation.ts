import { clusterOf } from '../estate/estate.ts';
import type { Finding } from '../ports/finding.ts';
import type { Place } from '../ports/place.ts';
import type { DiskSpace, UndoLoad } from '../ports/settings.ts';
import type { Check } from './finding.ts';

/** A backup counts for so long: a night that was missed is noticed (milliseconds). */
const backupGoodForMs = 26 * 3_600_000;
/** Shares of a disk that are free: below one it warns, below the other it refuses. */
const shareWarned = 0.15;
const shareRefused = 0.05;
/** Undo that is not cleaned up yet: changes, and the age of what keeps it (seconds). */
const longHistory = 1_000_000;
const longTransactionS = 3_600;

/** Sites and cluster bear the move: a backup that is not old, room on the disk, and undo that is cleaned up. */
export const operationFindings: Check = async (estate, { homeRegion }) => {
  const nowMs = estate.clock.nowMs();
  const places = [...estate.sites, clusterOf(estate, homeRegion)];
  const answers = await Promise.all(
    places.map(async (place) => [
      ...backupFindings(place, await place.lastBackup(), nowMs),
      ...diskFindings(place, await place.diskSpace()),
      ...undoFindings(place.name, await place.undoLoad()),
    ]),
  );
  return answers.flat();
};

function backupFindings({ name }: Place, atMs: number | null, nowMs: number): Finding[] {
  if (atMs === null) {
    return [
      {
        code: 'BACKUP_UNKNOWN',
        severity: 'warn',
        message: `nothing says when ${name} was last backed up`,
        remedy: 'Give the place a `backup` in the configuration: a query or a file that holds the time.',
        evidence: { place: name },
      },
    ];
  }
  const ageMs = nowMs - atMs;
  if (ageMs <= backupGoodForMs) return [];
  return [
    {
      code: 'BACKUP_OLD',
      severity: 'refuse',
      message: `the last backup of ${name} is ${Math.floor(ageMs / 3_600_000)} h old`,
      remedy: 'Have one made, or see why the time is not written, before an org moves.',
      evidence: { place: name, at: new Date(atMs).toISOString(), goodForMs: backupGoodForMs },
    },
  ];
}

/** A cluster's storage grows by itself, where it is Aurora's: only what a query says of it counts. */
function diskFindings({ name, kind }: Place, disk: DiskSpace | null): Finding[] {
  if (disk === null) {
    if (kind === 'cluster') return [];
    return [
      {
        code: 'DISK_UNKNOWN',
        severity: 'warn',
        message: `nothing says how much room ${name} has on its disk`,
        remedy: 'Give the place a `disk.query` in the configuration that answers with bytes free and bytes in all.',
        evidence: { place: name },
      },
    ];
  }
  const share = disk.totalBytes === 0 ? 0 : disk.freeBytes / disk.totalBytes;
  if (share >= shareWarned) return [];
  return [
    {
      code: 'DISK_SHORT',
      severity: share < shareRefused ? 'refuse' : 'warn',
      message: `${name} has ${Math.floor(share * 100)} % of its disk left: binlogs and undo of a move need room`,
      remedy: 'Make room there, or give it more.',
      evidence: { place: name, ...disk },
    },
  ];
}

/** Exported for its bounds: a lab cannot wait for an hour. */
export function undoFindings(place: string, { historyLength, oldestTransactionS }: UndoLoad): Finding[] {
  const long = (historyLength ?? 0) > longHistory;
  const old = (oldestTransactionS ?? 0) > longTransactionS;
  if (!long && !old) return [];
  return [
    {
      code: 'UNDO_LONG',
      severity: 'warn',
      message: old
        ? `${place} has a transaction that has been open for ${oldestTransactionS} s: undo grows with every write, and a comparison’s views add to it`
        : `${place} has ${historyLength} changes that are not cleaned up yet: a comparison’s views add to them`,
      remedy:
        'End what keeps them (information_schema.INNODB_TRX at a site, performance_schema.events_transactions_current at a cluster), and wait until the history is short again.',
      evidence: { place, historyLength, oldestTransactionS },
    },
  ];
}
